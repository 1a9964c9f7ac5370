import { readdirSync } from "node:fs";

import jsxA11y from "eslint-plugin-jsx-a11y";
import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

const features = readdirSync(new URL("./src/features", import.meta.url));

/** Forbid imports that match the patterns, in the given files. */
const boundary = (files, group, message) => ({
  files,
  rules: { "no-restricted-imports": ["error", { patterns: [{ group, message }] }] },
});

export default tseslint.config(
  { ignores: ["dist", "src/api/schema.gen.ts"] },
  {
    files: ["src/**/*.{ts,tsx}"],
    extends: [
      ...tseslint.configs.strictTypeChecked,
      jsxA11y.flatConfigs.recommended,
      reactHooks.configs.flat["recommended-latest"],
    ],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "max-lines": ["error", { max: 250 }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/only-throw-error": "off",
      "no-console": "error",
      eqeqeq: "error",
    },
  },
  boundary(
    ["src/*.ts", "src/api/**"],
    ["@/features/*", "@/app/*", "@/components/*"],
    "api and format know nothing of the pages.",
  ),
  boundary(
    ["src/components/**"],
    ["@/features/*", "@/app/*", "@/api/queries", "@/api/client"],
    "Components fetch nothing and know no feature.",
  ),
  ...features.map((feature) =>
    boundary(
      [`src/features/${feature}/**`],
      [...features.filter((other) => other !== feature).map((other) => `@/features/${other}/*`), "@/app/*", "../*"],
      "A feature never imports another feature or the app.",
    ),
  ),
);
