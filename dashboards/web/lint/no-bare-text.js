/**
 * Words that people read come from the catalogue: JSX holds no text of its own, and neither do the attributes that are
 * read aloud or shown.
 */
const SHOWN = new Set(["title", "placeholder", "alt", "aria-label", "aria-description", "aria-roledescription", "label"]);
const HAS_LETTER = /\p{L}/u;

/** @type {import("eslint").Rule.RuleModule} */
export const noBareText = {
  meta: { type: "problem", schema: [], messages: { bare: "“{{text}}” belongs into the catalogue (src/i18n)" } },
  create(context) {
    const check = (node, text) => {
      if (typeof text === "string" && HAS_LETTER.test(text)) {
        context.report({ node, messageId: "bare", data: { text: text.trim().slice(0, 40) } });
      }
    };
    /** Literals that can come out of an expression. */
    const checkExpression = (node) => {
      if (node.type === "Literal") check(node, node.value);
      if (node.type === "TemplateLiteral") for (const quasi of node.quasis) check(node, quasi.value.cooked);
      if (node.type === "ConditionalExpression") [node.consequent, node.alternate].forEach(checkExpression);
      if (node.type === "LogicalExpression") [node.left, node.right].forEach(checkExpression);
    };
    return {
      JSXText: (node) => check(node, node.value),
      JSXExpressionContainer: (node) => {
        if (node.parent.type === "JSXElement" || node.parent.type === "JSXFragment") checkExpression(node.expression);
      },
      JSXAttribute: (node) => {
        if (!SHOWN.has(node.name.name) || !node.value) return;
        if (node.value.type === "Literal") check(node, node.value.value);
        if (node.value.type === "JSXExpressionContainer") checkExpression(node.value.expression);
      },
    };
  },
};
