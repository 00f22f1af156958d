import { call, get } from "./client";
import type { Login, Session, Stats, Token } from "./types";

export const getSession = () => get<Session>("/session");
export const logIn = (account: string, password: string) => call<Session>("POST", "/session", { body: { account, password } });
export const logOut = () => call<void>("DELETE", "/session");
export const changePassword = (oldPassword: string, newPassword: string) =>
  call<void>("POST", "/password", { body: { old: oldPassword, new: newPassword } });

export const getLogins = () => get<{ items: Login[] }>("/logins");
export const makeLogin = (account: string) => call<{ one_time_password: string }>("POST", "/logins", { body: { account } });
export const unlockLogin = (account: string) => call<void>("POST", `/logins/${encodeURIComponent(account)}/unlock`, { body: {} });

export const getTokens = () => get<{ items: Token[] }>("/tokens");
export const makeToken = (body: { name: string; expires_on?: string; roles: string[] }) => call<Token>("POST", "/tokens", { body });
export const dropToken = (id: string | number) => call<void>("DELETE", `/tokens/${encodeURIComponent(id)}`);

export const getStats = () => get<Stats>("/stats");
export const verifyRegistry = () => get<{ rows: number; bad_seq: number }>("/registry/verify");
