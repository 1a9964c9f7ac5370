import { useMutation } from "@tanstack/react-query";
import { useState } from "react";

import { Dialog } from "./Dialog";
import { ErrorState } from "./States";

interface Props {
  /** Of the button on the page. */
  label: string;
  /** The question. */
  title: string;
  /** Of the button that does it. */
  confirm: string;
  /** Of the button that does not. */
  keep: string;
  /** Said when it was refused. */
  failed: string;
  isDangerous?: boolean;
  isSmall?: boolean;
  onConfirm: () => Promise<unknown>;
  /** What will happen, and what is lost. */
  children: React.ReactNode;
}

/** A button that asks first. The dialog stays open, with the error, where the answer was a refusal. */
export function ConfirmButton(props: Props) {
  const { label, title, confirm, keep, failed, isDangerous = false, isSmall = false, onConfirm, children } = props;
  const [isOpen, setIsOpen] = useState(false);
  const action = useMutation({ mutationFn: onConfirm, onSuccess: () => setIsOpen(false) });
  const close = () => {
    setIsOpen(false);
    action.reset();
  };
  return (
    <>
      <button type="button" className={`button${isDangerous ? " danger" : ""}${isSmall ? " small" : ""}`} onClick={() => setIsOpen(true)}>
        {label}
      </button>
      <Dialog title={title} isOpen={isOpen} onClose={close}>
        {children}
        {action.isError ? <ErrorState what={failed} error={action.error} /> : null}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={close}>
            {keep}
          </button>
          <button
            type="button"
            className={`button ${isDangerous ? "danger" : "primary"}`}
            onClick={() => action.mutate()}
            disabled={action.isPending}
          >
            {confirm}
          </button>
        </div>
      </Dialog>
    </>
  );
}
