import { useState } from "react";

import "./picture.css";

const SHOWN_PX = 160;

/** A picture of a problem; a small one is enlarged with its pixels kept sharp. */
export function Picture({ src, alt }: { src: string; alt: string }) {
  const [isSmall, setIsSmall] = useState(false);
  const [isBroken, setIsBroken] = useState(false);
  if (isBroken) return <span className="picture-none soft small">The picture is missing</span>;
  return (
    <a href={src} target="_blank" rel="noreferrer" className="picture" title="Open the picture">
      <img
        src={src}
        alt={alt}
        loading="lazy"
        decoding="async"
        className={isSmall ? "picture-small" : ""}
        onLoad={(event) => setIsSmall(event.currentTarget.naturalWidth < SHOWN_PX)}
        onError={() => setIsBroken(true)}
      />
    </a>
  );
}
