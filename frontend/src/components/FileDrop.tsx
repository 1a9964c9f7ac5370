import { useId, useState } from "react";

import "./file-drop.css";

interface Props {
  /** What to do, as on a button. */
  label: string;
  /** Endings or media types: `.zip`. */
  accept: string;
  isMultiple?: boolean;
  isDisabled?: boolean;
  onFiles: (files: File[]) => void;
  children?: React.ReactNode;
}

/** A place to drop files, which is also a file picker; keys reach it as any input. */
export function FileDrop({ label, accept, isMultiple = false, isDisabled = false, onFiles, children }: Props) {
  const [isOver, setIsOver] = useState(false);
  const id = useId();
  const take = (files: FileList | null) => {
    if (isDisabled || files === null || files.length === 0) return;
    onFiles([...files].slice(0, isMultiple ? files.length : 1));
  };
  return (
    <label
      htmlFor={id}
      className="file-drop"
      data-over={isOver}
      onDragOver={(event) => {
        event.preventDefault();
        setIsOver(true);
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setIsOver(false);
        take(event.dataTransfer.files);
      }}
    >
      <input
        id={id}
        type="file"
        className="visually-hidden"
        accept={accept}
        multiple={isMultiple}
        disabled={isDisabled}
        onChange={(event) => {
          take(event.target.files);
          // The same file may be chosen again, for example after a repair.
          event.target.value = "";
        }}
      />
      <b>{label}</b>
      <span className="soft">or drop {isMultiple ? "files" : "a file"} here</span>
      {children}
    </label>
  );
}
