/** Tables of the SQLite store. `pragma user_version` counts the steps taken; a step is never edited once released. */
export const sqliteSteps = [`
  create table keys (id text primary key, version integer not null, body text not null) strict;
  create table key_hashes (hash text primary key, key_id text not null references keys(id)) strict, without rowid;
  create table orgs (id text primary key, body text not null) strict;

  create table buckets (counter text primary key, level integer not null, at_ms integer not null) strict;
  create table tallies (
    counter text primary key, spent integer not null default 0, held integer not null default 0, expires_at_ms integer
  ) strict;
  create table reservations (id text primary key, expires_at_ms integer not null, body text not null) strict;
  create index reservations_by_expiry on reservations (expires_at_ms);

  create table ledger (
    position integer primary key autoincrement,
    entry_id text not null unique,
    admitted_at_ms integer not null,
    body text not null
  ) strict;
  create trigger ledger_is_never_changed before update on ledger begin select raise(abort, 'the ledger is append-only'); end;
  create trigger ledger_is_never_deleted before delete on ledger begin select raise(abort, 'the ledger is append-only'); end;
`, `
  alter table orgs add column version integer not null default 0;
  create table turns (hash text primary key, tier text not null, tokens integer not null, expires_at_ms integer not null) strict, without rowid;
  create index turns_by_expiry on turns (expires_at_ms);
`, `
  create table responses (
    position integer primary key autoincrement, id text not null unique, owner text not null,
    bytes integer not null, expires_at_ms integer not null, body text not null
  ) strict;
  create index responses_by_owner on responses (owner, position);
  create index responses_by_expiry on responses (expires_at_ms);
`]
