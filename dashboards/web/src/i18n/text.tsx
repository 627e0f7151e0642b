import { createContext, Fragment, useContext, useMemo, type ReactNode } from "react";

import { en } from "./en";
import { format, formatNumber, pieces, type Language, type Params } from "./message";
import { zh } from "./zh";

export type Key = keyof typeof en;
export const catalogues: Record<Language, Record<Key, string>> = { en, zh };

/** Speaks one language. */
export interface Speaker {
  language: Language;
  /** The message as text. */
  (key: Key, params?: Params): string;
  /** The message with elements in place of some names. */
  rich(key: Key, params: Params, elements: Record<string, ReactNode>): ReactNode;
  /** The message of a key that is put together; the word itself where the catalogue has none. */
  word(prefix: string, word: string): string;
  number(value: number): string;
}

export function speaker(language: Language): Speaker {
  const catalogue = catalogues[language];
  const speak = (key: Key, params: Params = {}): string => format(catalogue[key], params, language);
  return Object.assign(speak, {
    language,
    rich: (key: Key, params: Params, elements: Record<string, ReactNode>) =>
      pieces(catalogue[key], params, language).map((piece, index) => (
        <Fragment key={index}>{typeof piece === "string" ? piece : elements[piece.name]}</Fragment>
      )),
    word: (prefix: string, word: string) => {
      const key = `${prefix}.${word}`;
      return key in catalogue ? format(catalogue[key as Key], {}, language) : word;
    },
    number: (value: number) => formatNumber(value, language),
  });
}

const Speech = createContext<Speaker>(speaker("en"));

export function SpeechProvider({ language, children }: { language: Language; children: ReactNode }): ReactNode {
  const value = useMemo(() => speaker(language), [language]);
  return <Speech.Provider value={value}>{children}</Speech.Provider>;
}

/** The speaker of the page's language. */
export function useText(): Speaker {
  return useContext(Speech);
}
