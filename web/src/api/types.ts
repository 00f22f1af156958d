// Shapes that every part of the API shares, and those of sessions and the service.

export interface Label {
  vi: string;
  en: string;
}

export interface Ref {
  id: string | number;
  key: string;
  title: string;
}

export interface Page<T> {
  items: T[];
  next: string | null;
  total?: number;
}

export interface Session {
  account: string;
  name: string;
  roles: string[];
  unit: Ref | null;
  must_change: boolean;
  csrf: string;
  expires_at: string;
}

export interface Login {
  account: string;
  name: string;
  roles: string[];
  locked_until: string | null;
  failures: number;
  must_change: boolean;
  last_login_at: string | null;
}

export interface Token {
  id: string | number;
  name: string;
  roles: string[];
  expires_on: string | null;
  created_at?: string;
  last_used_at?: string | null;
  token?: string;
}

export interface Stats {
  version: string;
  started_at: string;
  uptime_s: number;
  rss_bytes: number;
  journal: {
    events: number;
    raw_bytes: number;
    disk_bytes: number;
    segments: number;
    full: boolean;
    first_at: string | null;
    last_at: string | null;
  };
  intake: Record<string, unknown>;
  /** Empty without archive_dir. */
  archive?: Record<string, unknown>;
  relays?: Record<string, unknown>;
  forward?: Record<string, unknown>;
  judge: Record<string, unknown>;
  registry: { records: number; history?: number };
}

export interface LiveStats {
  events: number;
  eps: number;
  findings_open: number;
  drops: number;
}
