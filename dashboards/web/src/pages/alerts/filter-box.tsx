import { useId, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from "react";

import { visible } from "../../format/untrusted";
import { useText } from "../../i18n/text";
import { useKeys } from "../../keys/keymap";
import { chipText, complete, parseFilter, type Chip } from "../../model/filter";
import type { Row } from "../../model/row";
import { Icon } from "../../parts/icon";
import { Foreign } from "../../parts/text";

/**
 * Chips and free text. What is typed becomes a chip with a space or Enter; Backspace at the beginning edits the last one;
 * Tab takes the completion.
 */
export function FilterBox({ q, rows, shown, total, onChange }: { q: string; rows: readonly Row[]; shown: number; total: number | null; onChange: (q: string) => void }): ReactNode {
  const t = useText();
  const listId = useId();
  const errorId = useId();
  const input = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState("");
  const [focused, setFocused] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const filter = useMemo(() => parseFilter(q), [q]);
  const draft = useMemo(() => parseFilter(typed), [typed]);
  const completion = useMemo(() => (focused ? complete(typed, rows) : { from: 0, key: null, choices: [] }), [focused, typed, rows]);
  const error = draft.errors[0] ?? filter.errors[0];
  useKeys({ search: () => input.current?.focus() });

  const without = (start: number, end: number): string => (q.slice(0, start) + q.slice(end)).replace(/\s+/g, " ").trim();
  const commit = (text: string): boolean => {
    const parsed = parseFilter(text);
    if (text.trim() === "" || parsed.errors.length > 0) return false;
    onChange(`${q} ${text.trim()}`.trim());
    setTyped("");
    setChosen(-1);
    return true;
  };
  const take = (text: string): void => {
    const next = typed.slice(0, completion.from) + text;
    setChosen(-1);
    // A key waits for its value; a value makes the chip whole.
    if (completion.key === null) setTyped(next);
    else if (!commit(next)) setTyped(next);
    input.current?.focus();
  };
  const onKey = (event: KeyboardEvent<HTMLInputElement>): void => {
    const { choices } = completion;
    const caret = event.currentTarget.selectionStart ?? 0;
    if (event.key === "ArrowDown" && choices.length > 0) setChosen((chosen + 1) % choices.length);
    else if (event.key === "ArrowUp" && choices.length > 0) setChosen((chosen <= 0 ? choices.length : chosen) - 1);
    else if (event.key === "Tab" && !event.shiftKey && typed.trim() !== "" && choices.length > 0) take(choices[Math.max(0, chosen)]?.text ?? "");
    else if (event.key === "Enter") {
      const choice = chosen >= 0 ? choices[chosen] : undefined;
      if (choice) take(choice.text);
      else commit(typed);
    } else if (event.key === " " && draft.chips.length === 1 && draft.words.length === 0 && !/"[^"]*$/.test(typed)) commit(typed);
    else if (event.key === "Backspace" && caret === 0 && typed === "") {
      const last = [...filter.chips].pop();
      if (!last) return;
      onChange(without(last.start, last.end));
      setTyped(chipText(last));
    } else if (event.key === "Escape") {
      if (chosen >= 0) setChosen(-1);
      else event.currentTarget.blur();
    } else return;
    event.preventDefault();
  };
  const isOpen = focused && completion.choices.length > 0;
  return (
    <div className="filter">
      <div className={`filter-box ${error ? "has-error" : ""}`} onClick={() => input.current?.focus()}>
        <Icon name="search" />
        {filter.chips.map((chip) => (
          <ChipView key={`${chip.start}-${chip.key}`} chip={chip} onRemove={() => onChange(without(chip.start, chip.end))} />
        ))}
        {filter.words.map((word) => (
          <span key={word} className="chip">
            <Foreign max={40}>{word}</Foreign>
            <button type="button" aria-label={t("filter.remove", { what: visible(word) })} onClick={() => onChange(q.split(/\s+/).filter((part) => part.toLowerCase() !== word && part.toLowerCase() !== `"${word}"`).join(" "))}>
              <Icon name="close" />
            </button>
          </span>
        ))}
        <input
          ref={input}
          role="combobox"
          aria-label={t("filter.label")}
          aria-expanded={isOpen}
          aria-controls={listId}
          aria-activedescendant={isOpen && chosen >= 0 ? `${listId}-${chosen}` : undefined}
          aria-invalid={error !== undefined}
          aria-describedby={errorId}
          autoComplete="off"
          spellCheck={false}
          placeholder={q === "" ? t("filter.placeholder") : ""}
          value={typed}
          onChange={(event) => {
            setTyped(event.target.value);
            setChosen(-1);
          }}
          onKeyDown={onKey}
          onFocus={() => setFocused(true)}
          onBlur={() => {
            setFocused(false);
            commit(typed);
          }}
        />
        {isOpen && completion.key !== null && <span className="quiet hint">{t("filter.values", { n: completion.choices.length })}</span>}
        <span className="quiet figures filter-count">{total === null ? "…" : t("filter.count", { shown, total, hidden: total - shown })}</span>
      </div>
      <p id={errorId} className="wrong" role="alert">
        {error && t(`filter.error.${error.message}`, { what: visible(error.text) })}
      </p>
      {isOpen && (
        <ul className="choices" id={listId} role="listbox" aria-label={t("filter.label")}>
          {completion.choices.map((choice, index) => (
            <li
              key={choice.text}
              id={`${listId}-${index}`}
              role="option"
              aria-selected={index === chosen}
              onMouseDown={(event) => {
                event.preventDefault();
                take(choice.text);
              }}
            >
              <Foreign className="code" max={60}>{choice.text}</Foreign>
              <span className="quiet figures">{t.number(choice.count)}</span>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function ChipView({ chip, onRemove }: { chip: Chip; onRemove: () => void }): ReactNode {
  const t = useText();
  return (
    <span className={`chip ${chip.op.startsWith("!") ? "negative" : ""}`}>
      <bdi>{chip.key}</bdi> <span className="op">{chip.op}</span> <Foreign max={60}>{chip.value}</Foreign>
      <button type="button" aria-label={t("filter.remove", { what: visible(chipText(chip)) })} onClick={onRemove}>
        <Icon name="close" />
      </button>
    </span>
  );
}
