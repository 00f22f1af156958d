// Before the pages: is the server there, is somebody logged in, is the password still the first one.
import { Spin } from "antd";
import { lazy, Suspense } from "react";
import { ProblemView } from "../components/ProblemView";
import { useSession } from "../hooks/session";
import { LoginPage } from "../pages/login/LoginPage";
import { FirstPassword } from "../pages/login/FirstPassword";

const Shell = lazy(() => import("./Shell"));

export function Gate() {
  const { session, error, retry } = useSession();
  if (error) return <ProblemView error={error} retry={retry} page />;
  if (session === undefined) return <Spin fullscreen />;
  if (session === null) return <LoginPage />;
  if (session.must_change) return <FirstPassword />;
  return (
    <Suspense fallback={<Spin fullscreen />}>
      <Shell />
    </Suspense>
  );
}
