import reactHooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

import { noBareText } from "./lint/no-bare-text.js";

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/api/schema.ts"] },
  ...tseslint.configs.strict,
  reactHooks.configs.flat["recommended-latest"],
  {
    files: ["src/**/*.tsx"],
    plugins: { isobar: { rules: { "no-bare-text": noBareText } } },
    rules: { "isobar/no-bare-text": "error" },
  },
  {
    rules: {
      // What comes from outside is text: no way around React's escaping.
      "no-restricted-syntax": [
        "error",
        { selector: "JSXAttribute[name.name='dangerouslySetInnerHTML']", message: "strangers choose these texts" },
        { selector: "AssignmentExpression > MemberExpression.left[property.name=/^(innerHTML|outerHTML)$/]", message: "use text nodes" },
        { selector: "CallExpression > MemberExpression.callee[property.name='insertAdjacentHTML']", message: "use text nodes" },
      ],
      "no-eval": "error",
      "no-implied-eval": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
    },
  },
);
