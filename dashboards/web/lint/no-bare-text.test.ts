import { RuleTester } from "eslint";
import tseslint from "typescript-eslint";
import { afterAll, describe, it } from "vitest";

import { noBareText } from "./no-bare-text.js";

Object.assign(RuleTester, { afterAll, describe, it });

const tester = new RuleTester({ languageOptions: { parser: tseslint.parser as never, parserOptions: { ecmaFeatures: { jsx: true } } } });
const errors = [{ messageId: "bare" }];

tester.run("no-bare-text", noBareText, {
  valid: ['<p>{t("key")}</p>', "<p> · 12 % </p>", '<p className="what" data-x="words">{value}</p>', '<input aria-label={t("key")} type="text" />', "<p>{`${a} / ${b}`}</p>"],
  invalid: [
    { code: "<p>Words</p>", errors },
    { code: "<p>告警</p>", errors },
    { code: '<p>{"words"}</p>', errors },
    { code: '<p>{ok ? "yes" : t("no")}</p>', errors },
    { code: "<p>{`${n} rows`}</p>", errors },
    { code: '<input placeholder="Search" />', errors },
    { code: '<b title={broken ? "broken" : ""} />', errors },
  ],
});
