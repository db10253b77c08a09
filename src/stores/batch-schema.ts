/** Tables of files and batches. `pragma user_version` counts the steps taken; a step is never edited once released. */
export const batchSteps = [`
  create table files (
    position integer primary key autoincrement,
    id text not null unique, owner text not null, purpose text not null, filename text not null,
    bytes integer not null, created_at integer not null, expires_at integer
  ) strict;
  create table batches (
    position integer primary key autoincrement,
    id text not null unique, owner text not null, status text not null, body text not null
  ) strict;
  create index batches_by_status on batches (status);
  create table batch_lines (
    batch_id text not null, line integer not null, custom_id text not null, request text not null,
    outcome text not null default 'waiting', result text,
    primary key (batch_id, line), unique (batch_id, custom_id)
  ) strict, without rowid;
  create index batch_lines_by_outcome on batch_lines (batch_id, outcome, line);
`]
