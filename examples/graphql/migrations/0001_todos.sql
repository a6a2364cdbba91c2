-- PostGraphile's convention: the role and the claims of a token are settings of one transaction, and everything else is
-- said here. PostGraphile and this program serve the same schema.

-- Roles belong to the cluster, so another database may have made them already.
do $$
declare
  name text;
begin
  foreach name in array array['app_accounts', 'app_authenticator', 'app_anonymous', 'app_user', 'app_admin'] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I', name);
    end if;
  end loop;
end
$$;

-- Whoever sends the statements of users connects as `app_authenticator`, and logs in as that role: `set role none` and
-- `reset role` lead back to whoever logged in, whatever else a connection began with. It becomes one of the next three for
-- a transaction, and has no right of its own.
alter role app_authenticator login noinherit;
grant app_anonymous, app_user, app_admin to app_authenticator;
grant app_user to app_admin;

-- Login, refresh and registration connect as `app_accounts`, which becomes nobody.
alter role app_accounts login noinherit;

create schema app_public;
create schema app_private;

-- Functions are everybody's unless this is taken back.
alter default privileges revoke execute on functions from public;

create function app_public.current_person_id() returns integer
language sql stable
as $$
  -- Empty where a transaction before this one set it, null where none did.
  select nullif(current_setting('jwt.claims.sub', true), '')::integer
$$;

create table app_public.people (
  id integer generated always as identity primary key,
  name text not null unique check (char_length(name) between 1 and 50)
);

create table app_private.accounts (
  person_id integer primary key references app_public.people on delete cascade,
  role text not null default 'app_user' check (role in ('app_user', 'app_admin')),
  password_hash text not null,
  generation bigint not null default 0,
  disabled boolean not null default false
);

create table app_public.todos (
  id integer generated always as identity primary key,
  owner_id integer not null default app_public.current_person_id() references app_public.people on delete cascade,
  title text not null check (char_length(title) between 1 and 200),
  done boolean not null default false
);

create index on app_public.todos (owner_id);

create function app_public.current_person() returns app_public.people
language sql stable
as $$
  select * from app_public.people where id = app_public.current_person_id()
$$;

create function app_public.my_todos() returns setof app_public.todos
language sql stable
as $$
  select * from app_public.todos where owner_id = app_public.current_person_id() order by id
$$;

-- Whose list changed, for subscriptions.
create function app_private.tell_of_todo() returns trigger
language plpgsql
as $$
begin
  perform pg_notify('todos', coalesce(new.owner_id, old.owner_id)::text);
  return null;
end
$$;

create trigger tell after insert or update or delete on app_public.todos
  for each row execute function app_private.tell_of_todo();

-- For the owner, too, so that a program that connects as the owner by mistake serves nothing.
alter table app_public.people enable row level security, force row level security;
alter table app_public.todos enable row level security, force row level security;
alter table app_private.accounts enable row level security, force row level security;

create policy own on app_public.people for select to app_user using (id = app_public.current_person_id());
create policy everyone on app_public.people for select to app_admin using (true);

create policy own on app_public.todos to app_user
  using (owner_id = app_public.current_person_id())
  with check (owner_id = app_public.current_person_id());
create policy everyone on app_public.todos for select to app_admin using (true);

grant usage on schema app_public to app_accounts, app_anonymous, app_user;
grant execute on all functions in schema app_public to app_anonymous, app_user;
grant select on app_public.people, app_public.todos to app_anonymous, app_user;
grant insert, update, delete on app_public.todos to app_user;

create policy login on app_public.people to app_accounts using (true) with check (true);
create policy login on app_private.accounts to app_accounts using (true) with check (true);
grant select, insert on app_public.people to app_accounts;
grant usage on schema app_private to app_accounts;
grant select, insert, update on app_private.accounts to app_accounts;
