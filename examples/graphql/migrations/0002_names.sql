-- A name for login, so that those that differ by case alone are one account. Where two accounts differ by no more than
-- that already, this fails: rename one of them first.

alter table app_private.accounts add column login_name text;

-- Row-level security holds for the owner, too.
alter table app_private.accounts no force row level security;
alter table app_public.people no force row level security;

update app_private.accounts set login_name = lower(name collate "und-x-icu") from app_public.people where id = person_id;

alter table app_private.accounts force row level security;
alter table app_public.people force row level security;

alter table app_private.accounts alter column login_name set not null, add unique (login_name);
