import { Dialog } from "@/components/Dialog";

const SHORTCUTS = [
  ["/", "Search on this page"],
  ["j  k", "Next and previous row"],
  ["Enter", "Open the row"],
  ["c", "New run"],
  ["g r", "Go to runs"],
  ["g e", "Go to experiments"],
  ["g d", "Go to data sets"],
  ["g m", "Go to models"],
  ["g w", "Go to workers"],
  ["Ctrl Enter", "Launch, in the form of a new run"],
  ["?", "This list"],
] as const;

interface Props {
  isOpen: boolean;
  onClose: () => void;
}

export function ShortcutHelp({ isOpen, onClose }: Props) {
  return (
    <Dialog title="Keyboard" isOpen={isOpen} onClose={onClose}>
      <dl className="shortcuts">
        {SHORTCUTS.map(([key, what]) => (
          <div key={key}>
            <dt>
              {key.split(/ +/).map((part) => (
                <kbd key={part}>{part}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <div className="dialog-actions">
        <a className="button" href="/docs/">
          Documentation
        </a>
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
      </div>
    </Dialog>
  );
}
