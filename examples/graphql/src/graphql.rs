//! The GraphQL schema. Todos and people have the names that `PostGraphile` gives them, so that a front end need not know
//! which of the two it talks to; login is this program's alone.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::{
    ComplexObject, Context, Guard as FieldGuard, InputObject, Object, SimpleObject, Subscription,
};
use futures_util::{Stream, StreamExt, stream};
use sqlx::{FromRow, PgConnection, PgPool};
use stateless_session::{
    Guard, Login, Require, Session, SessionClaims, SessionCookies, SessionRejection, Sessions,
    TokenResponse,
};

use crate::accounts::{Account, AccountState, Accounts};
use crate::changes::Changes;
use crate::database::query_as;
use crate::limits::{DEEPEST, Limits, MOST_ROWS};
use crate::people::{People, Person};
use crate::problem::Problem;
use crate::row_level_security as rls;
use crate::session::{Admin, Claims, PersonId, RecentAdmin};

type Result<T, E = Problem> = std::result::Result<T, E>;

pub type Schema = async_graphql::Schema<Query, Mutation, Subscriptions>;

pub fn schema(
    sessions: Sessions<Claims>,
    accounts: Accounts,
    pool: PgPool,
    changes: Changes,
) -> Schema {
    Schema::build(Query, Mutation, Subscriptions)
        .data(sessions)
        .data(accounts)
        .data(pool)
        .data(changes)
        .limit_complexity(LOGIN * 2)
        .limit_depth(DEEPEST)
        .extension(Limits)
        .finish()
}

/// The weight of a field that hashes a password, so that a document holds two of them and not a thousand. Any other field
/// weighs 1, and what tools ask to learn the schema some hundreds.
const LOGIN: usize = 1000;

/// The weight of a field that reads a whole table.
const LIST: usize = 100;

/// Who sends the messages of a WebSocket.
pub struct AccessToken(pub String);

/// The cookies of the response. The last login or logout of a document counts.
#[derive(Clone, Default)]
pub struct Cookies(Arc<Mutex<Option<SessionCookies>>>);

impl Cookies {
    fn set(&self, cookies: SessionCookies) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cookies);
    }

    pub fn take(&self) -> Option<SessionCookies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(crate) fn optional_session(ctx: &Context<'_>) -> Result<Option<Session<Claims>>> {
    // Verified once more, because ages are measured from now and not from when a WebSocket was opened.
    if let Some(AccessToken(token)) = ctx.data_opt() {
        return Ok(Some(data::<Sessions<Claims>>(ctx)?.verify(token)?));
    }
    Ok(ctx.data_opt::<Session<Claims>>().cloned())
}

fn session(ctx: &Context<'_>) -> Result<Session<Claims>> {
    Ok(
        optional_session(ctx)?.ok_or(SessionRejection::MissingToken {
            realm: Claims::POLICY.issuer,
        })?,
    )
}

pub(crate) fn data<'a, T: Send + Sync + 'static>(ctx: &Context<'a>) -> Result<&'a T> {
    Ok(ctx.data_opt().ok_or(SessionRejection::InternalError)?)
}

/// A field's guard, by the trait that guards handlers: `#[graphql(guard = "Requires::<Admin>::new()")]`.
struct Requires<G>(PhantomData<fn() -> G>);

impl<G> Requires<G> {
    const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<G: Guard<Session<Claims>>> FieldGuard for Requires<G> {
    async fn check(&self, ctx: &Context<'_>) -> async_graphql::Result<()> {
        Require::<_, G>::check(session(ctx)?).map_err(Problem::from)?;
        Ok(())
    }
}

#[derive(SimpleObject)]
struct PeopleConnection {
    nodes: Vec<Person>,
}

#[derive(SimpleObject)]
struct AccountsConnection {
    nodes: Vec<AccountState>,
}

#[derive(Clone, Debug, FromRow, SimpleObject)]
#[graphql(complex)]
struct Todo {
    id: i32,
    owner_id: i32,
    title: String,
    done: bool,
}

#[ComplexObject]
impl Todo {
    /// The owner, where the policies of the database show who that is: one statement for all todos of a list.
    async fn person_by_owner_id(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        let people = data::<People>(ctx)?.loader(ctx)?;
        people.load_one(self.owner_id).await
    }
}

#[derive(SimpleObject)]
struct TodosConnection {
    nodes: Vec<Todo>,
}

pub struct Query;

#[Object]
impl Query {
    /// Who is logged in.
    async fn current_person(&self, ctx: &Context<'_>) -> Result<Option<Person>> {
        let mut field = field(ctx).await?;
        let person = query_as("select * from app_public.current_person() where id is not null");
        let person = person.fetch_optional(field.connection()?).await?;
        field.done().await?;
        Ok(person)
    }

    #[graphql(complexity = "LIST + child_complexity")]
    async fn my_todos(&self, ctx: &Context<'_>) -> Result<TodosConnection> {
        session(ctx)?;
        let mut field = field(ctx).await?;
        let todos = my_todos(field.connection()?).await?;
        field.done().await?;
        Ok(todos)
    }

    /// Everyone's todos for administrators, and one's own for others: here is no filter but the policies of the database.
    #[graphql(complexity = "LIST + child_complexity")]
    async fn all_todos(&self, ctx: &Context<'_>) -> Result<TodosConnection> {
        let mut field = field(ctx).await?;
        let todos = query_as("select * from app_public.todos order by id limit $1").bind(MOST_ROWS);
        let nodes = todos.fetch_all(field.connection()?).await?;
        field.done().await?;
        Ok(TodosConnection { nodes })
    }

    #[graphql(
        guard = "Requires::<Admin>::new()",
        complexity = "LIST + child_complexity"
    )]
    async fn all_people(&self, ctx: &Context<'_>) -> Result<PeopleConnection> {
        let mut field = field(ctx).await?;
        let people =
            query_as("select * from app_public.people order by id limit $1").bind(MOST_ROWS);
        let nodes = people.fetch_all(field.connection()?).await?;
        field.done().await?;
        Ok(PeopleConnection { nodes })
    }

    /// Everybody who can log in, or could.
    #[graphql(
        guard = "Requires::<Admin>::new()",
        complexity = "LIST + child_complexity"
    )]
    async fn all_accounts(&self, ctx: &Context<'_>) -> Result<AccountsConnection> {
        let nodes = data::<Accounts>(ctx)?.all().await?;
        Ok(AccountsConnection { nodes })
    }
}

async fn my_todos(connection: &mut PgConnection) -> Result<TodosConnection> {
    let todos = query_as("select * from app_public.my_todos() limit $1").bind(MOST_ROWS);
    let nodes = todos.fetch_all(connection).await?;
    Ok(TodosConnection { nodes })
}

/// The operation's transaction, as the user of the session or as nobody.
async fn field(ctx: &Context<'_>) -> Result<rls::Field> {
    let operation: &rls::Operation = data(ctx)?;
    let session = optional_session(ctx)?;
    Ok(operation.field(data(ctx)?, session.as_ref()).await?)
}

#[derive(InputObject)]
struct CredentialsInput {
    name: String,
    password: String,
}

#[derive(InputObject)]
struct ChangePasswordInput {
    old_password: String,
    new_password: String,
}

#[derive(InputObject)]
struct SetDisabledInput {
    person_id: i32,
    disabled: bool,
}

#[derive(InputObject)]
struct CreateTodoInput {
    todo: TodoInput,
}

#[derive(InputObject)]
struct TodoInput {
    title: String,
}

#[derive(InputObject)]
struct UpdateTodoByIdInput {
    id: i32,
    todo_patch: TodoPatch,
}

#[derive(InputObject)]
struct TodoPatch {
    title: Option<String>,
    done: Option<bool>,
}

#[derive(InputObject)]
struct DeleteTodoByIdInput {
    id: i32,
}

/// What the page needs of a login; the refresh token goes by cookie and is never seen here.
#[derive(SimpleObject)]
struct SessionPayload {
    access_token: String,
    /// In seconds.
    expires_in: u64,
    person: Person,
}

#[derive(SimpleObject)]
struct CreateTodoPayload {
    todo: Todo,
}

#[derive(SimpleObject)]
struct UpdateTodoPayload {
    todo: Todo,
}

#[derive(SimpleObject)]
struct DeleteTodoPayload {
    todo: Todo,
}

/// A login needs a response to carry its cookies, which a WebSocket has not.
struct LoginResponse<'a> {
    login: &'a Login<Claims>,
    cookies: &'a Cookies,
}

impl<'a> LoginResponse<'a> {
    fn of(ctx: &Context<'a>) -> Result<Self> {
        let pair = ctx.data_opt().zip(ctx.data_opt());
        let (login, cookies) = pair.ok_or(SessionRejection::MethodNotAllowed)?;
        Ok(Self { login, cookies })
    }

    fn start(&self, Account { name, claims }: Account) -> Result<SessionPayload> {
        let PersonId(id) = claims.sub;
        let response: TokenResponse = self.login.start(claims)?;
        let (token, cookies) = response.into_parts();
        self.cookies.set(cookies);
        Ok(SessionPayload {
            access_token: token.as_str().to_owned(),
            expires_in: token.expires_in().as_secs(),
            person: Person { id, name },
        })
    }
}

pub struct Mutation;

#[Object]
impl Mutation {
    /// A new account, logged in.
    #[graphql(complexity = "LOGIN")]
    async fn register(&self, ctx: &Context<'_>, input: CredentialsInput) -> Result<SessionPayload> {
        let response = LoginResponse::of(ctx)?;
        let accounts: &Accounts = data(ctx)?;
        response.start(accounts.register(&input.name, input.password).await?)
    }

    #[graphql(complexity = "LOGIN")]
    async fn login(&self, ctx: &Context<'_>, input: CredentialsInput) -> Result<SessionPayload> {
        let response = LoginResponse::of(ctx)?;
        let accounts: &Accounts = data(ctx)?;
        response.start(accounts.check_password(&input.name, input.password).await?)
    }

    /// Ends the session in this browser.
    async fn logout(&self, ctx: &Context<'_>) -> Result<bool> {
        let LoginResponse { cookies, .. } = LoginResponse::of(ctx)?;
        cookies.set(data::<Sessions<Claims>>(ctx)?.logout());
        Ok(true)
    }

    /// Ends all sessions of the user and starts another here.
    #[graphql(complexity = "LOGIN")]
    async fn change_password(
        &self,
        ctx: &Context<'_>,
        input: ChangePasswordInput,
    ) -> Result<SessionPayload> {
        let response = LoginResponse::of(ctx)?;
        let session = session(ctx)?;
        let accounts: &Accounts = data(ctx)?;
        let changed = accounts.change_password(session.sub, input.old_password, input.new_password);
        response.start(changed.await?)
    }

    /// Ends all sessions of the user.
    async fn log_out_everywhere(&self, ctx: &Context<'_>) -> Result<bool> {
        let LoginResponse { cookies, .. } = LoginResponse::of(ctx)?;
        let session = session(ctx)?;
        data::<Accounts>(ctx)?
            .log_out_everywhere(session.sub)
            .await?;
        cookies.set(data::<Sessions<Claims>>(ctx)?.logout());
        Ok(true)
    }

    /// Ends all sessions of somebody else and allows no other, or allows them again.
    #[graphql(guard = "Requires::<RecentAdmin>::new()")]
    async fn set_disabled(&self, ctx: &Context<'_>, input: SetDisabledInput) -> Result<bool> {
        let accounts: &Accounts = data(ctx)?;
        let person = PersonId(input.person_id);
        let found = accounts.set_disabled(person, input.disabled).await?;
        found.then_some(true).ok_or(Problem::NotFound)
    }

    async fn create_todo(
        &self,
        ctx: &Context<'_>,
        input: CreateTodoInput,
    ) -> Result<CreateTodoPayload> {
        session(ctx)?;
        let mut field = field(ctx).await?;
        let todo = query_as("insert into app_public.todos (title) values ($1) returning *")
            .bind(input.todo.title)
            .fetch_one(field.connection()?)
            .await?;
        field.done().await?;
        Ok(CreateTodoPayload { todo })
    }

    /// Of anybody, as far as the policies of the database allow.
    async fn update_todo_by_id(
        &self,
        ctx: &Context<'_>,
        input: UpdateTodoByIdInput,
    ) -> Result<UpdateTodoPayload> {
        session(ctx)?;
        let mut field = field(ctx).await?;
        let todo = query_as(
            "update app_public.todos set title = coalesce($2, title), done = coalesce($3, done) where id = $1 returning *",
        )
        .bind(input.id)
        .bind(input.todo_patch.title)
        .bind(input.todo_patch.done)
        .fetch_optional(field.connection()?)
        .await?;
        field.done().await?;
        let todo = todo.ok_or(Problem::NotFound)?;
        Ok(UpdateTodoPayload { todo })
    }

    /// Of anybody, as far as the policies of the database allow.
    async fn delete_todo_by_id(
        &self,
        ctx: &Context<'_>,
        input: DeleteTodoByIdInput,
    ) -> Result<DeleteTodoPayload> {
        session(ctx)?;
        let mut field = field(ctx).await?;
        let todo = query_as("delete from app_public.todos where id = $1 returning *")
            .bind(input.id)
            .fetch_optional(field.connection()?)
            .await?;
        field.done().await?;
        let todo = todo.ok_or(Problem::NotFound)?;
        Ok(DeleteTodoPayload { todo })
    }
}

pub struct Subscriptions;

#[Subscription(name = "Subscription")]
impl Subscriptions {
    /// The user's todos, now and after every change, by whatever program it was made.
    async fn my_todos(
        &self,
        ctx: &Context<'_>,
    ) -> Result<impl Stream<Item = Result<TodosConnection>> + use<>> {
        let session = session(ctx)?;
        let pool: PgPool = data::<PgPool>(ctx)?.clone();
        let changes = data::<Changes>(ctx)?.of(session.sub);
        let now = stream::once(async {});
        Ok(now.chain(changes).then(move |()| {
            let (pool, session) = (pool.clone(), session.clone());
            async move { my_todos(&mut *rls::begin(&pool, Some(&session)).await?).await }
        }))
    }
}
