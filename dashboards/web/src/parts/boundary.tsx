import { Component, type ReactNode } from "react";

import { useText } from "../i18n/text";
import { Empty } from "./panel";

/** Keeps what fails to be drawn from taking the rest of the page along. `resetKey` is another when it may work again. */
export class Boundary extends Component<{ resetKey: string; children: ReactNode }, { failed: string | null }> {
  override state = { failed: null as string | null };

  static getDerivedStateFromError(error: unknown): { failed: string } {
    return { failed: error instanceof Error ? error.message : String(error) };
  }

  override componentDidUpdate(before: { resetKey: string }): void {
    if (before.resetKey !== this.props.resetKey && this.state.failed !== null) this.setState({ failed: null });
  }

  override render(): ReactNode {
    return this.state.failed === null ? this.props.children : <Failed message={this.state.failed} />;
  }
}

function Failed({ message }: { message: string }): ReactNode {
  const t = useText();
  return (
    <div role="alert">
      <Empty mark="unknown" action={<button type="button" onClick={() => window.location.reload()}>{t("page.reload")}</button>}>
        {t("page.failed", { reason: message })}
      </Empty>
    </div>
  );
}
