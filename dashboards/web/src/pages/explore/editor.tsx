import { useId, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

import { useText } from "../../i18n/text";
import { Foreign } from "../../parts/text";

export interface Completion {
  from: number;
  words: readonly { text: string; insert: string }[];
}

/** A text with completion under the caret and the wrong token underlined. */
export function Editor({ value, label, wrong, complete, onChange, onRun }: { value: string; label: string; wrong: { start: number; end: number } | null; complete: (text: string, caret: number) => Completion; onChange: (value: string) => void; onRun: () => void }): ReactNode {
  const t = useText();
  const listId = useId();
  const area = useRef<HTMLTextAreaElement>(null);
  const [caret, setCaret] = useState<number | null>(null);
  const [chosen, setChosen] = useState(0);
  const completion = caret === null ? { from: 0, words: [] } : complete(value, caret);
  const isOpen = completion.words.length > 0;
  const take = (index: number): void => {
    const word = completion.words[index];
    const element = area.current;
    if (!word || !element || caret === null) return;
    const next = value.slice(0, completion.from) + word.insert + value.slice(caret);
    const at = completion.from + word.insert.length;
    onChange(next);
    setCaret(null);
    requestAnimationFrame(() => {
      element.focus();
      element.setSelectionRange(at, at);
    });
  };
  const onKey = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      setCaret(null);
      onRun();
    } else if (!isOpen) return;
    else if (event.key === "ArrowDown") setChosen((chosen + 1) % completion.words.length);
    else if (event.key === "ArrowUp") setChosen((chosen + completion.words.length - 1) % completion.words.length);
    else if (event.key === "Tab" || (event.key === "Enter" && !event.shiftKey)) take(chosen);
    else if (event.key === "Escape") setCaret(null);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const rows = Math.min(10, Math.max(2, value.split("\n").length));
  return (
    <div className="editor">
      <div className="editor-under" aria-hidden="true">
        {wrong ? (
          <>
            {value.slice(0, wrong.start)}
            <mark>{value.slice(wrong.start, wrong.end) || " "}</mark>
            {value.slice(wrong.end)}
          </>
        ) : (
          value
        )}
        {"\n"}
      </div>
      <textarea
        ref={area}
        rows={rows}
        role="combobox"
        aria-label={label}
        aria-expanded={isOpen}
        aria-controls={listId}
        aria-autocomplete="list"
        aria-activedescendant={isOpen ? `${listId}-${chosen}` : undefined}
        aria-invalid={wrong !== null}
        spellCheck={false}
        autoCapitalize="off"
        autoComplete="off"
        value={value}
        onChange={(event) => {
          onChange(event.target.value);
          setCaret(event.target.selectionStart);
          setChosen(0);
        }}
        onKeyDown={onKey}
        onBlur={() => setCaret(null)}
        onClick={() => setCaret(null)}
      />
      {isOpen && (
        <ul className="choices" id={listId} role="listbox" aria-label={t("explore.choices")}>
          {completion.words.map((word, index) => (
            <li
              key={word.text}
              id={`${listId}-${index}`}
              role="option"
              aria-selected={index === chosen}
              onMouseDown={(event) => {
                event.preventDefault();
                take(index);
              }}
            >
              <Foreign className="code" max={90}>{word.text}</Foreign>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
