import { Component, type ReactNode } from "react";
import { ProblemView } from "./ProblemView";

interface State {
  error: unknown;
}

/** A page that breaks says so in its own place; the rest of the console keeps working. */
export class ErrorBoundary extends Component<{ children: ReactNode }, State> {
  state: State = { error: null };

  static getDerivedStateFromError(error: unknown): State {
    return { error };
  }

  render() {
    if (this.state.error) return <ProblemView error={this.state.error} retry={() => this.setState({ error: null })} />;
    return this.props.children;
  }
}
