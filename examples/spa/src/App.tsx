import { useSession } from '@stateless-session/client/react'
import { useActionState, useState } from 'react'
import { type Claims, login, logoutEverywhere, messageOf, session } from './session'

const STATUS = {
  unknown: 'Looking for a session',
  out: 'Signed out',
  in: 'Signed in',
  offline: 'Offline',
  login_required: 'This needs a more recent login',
}

export function App() {
  const { state, claims } = useSession(session)
  return (
    <>
      <header>
        <h1>stateless-session with React</h1>
        <p role="status" className={`status ${state}`}>{STATUS[state]}</p>
      </header>
      <main>
        {state === 'offline' && (
          <p className="note">The server does not answer. You stay signed in; this page goes on trying.</p>
        )}
        {(state === 'out' || state === 'login_required') && <Login />}
        {claims && <Account claims={claims} />}
        <Routes key={claims?.sub ?? ''} />
      </main>
    </>
  )
}

function Login() {
  const [{ name, problem }, submit, isPending] = useActionState(
    async (_: unknown, form: FormData) => {
      const name = String(form.get('name'))
      const problem = await login(name, String(form.get('password'))).then(() => '', messageOf)
      return { name, problem }
    },
    { name: '', problem: '' },
  )
  return (
    <section aria-labelledby="login-title">
      <h2 id="login-title">Log in</h2>
      <form action={submit}>
        <label htmlFor="name">Name</label>
        <input id="name" name="name" defaultValue={name} autoComplete="username" autoCapitalize="none" required />
        <label htmlFor="password">Password</label>
        <input id="password" name="password" type="password" autoComplete="current-password" required />
        <p role="alert" className="problem">{problem}</p>
        <button className="primary" disabled={isPending}>{isPending ? 'Logging in' : 'Log in'}</button>
      </form>
      <p className="quiet">
        Try <code>alice</code> with <code>wonderland</code>, an admin, or <code>bob</code> with <code>builder</code>.
      </p>
    </section>
  )
}

function Account({ claims }: { claims: Claims }) {
  const [problem, setProblem] = useState('')
  return (
    <section aria-labelledby="account-title">
      <h2 id="account-title">
        {claims.name} <span className={`badge ${claims.role}`}>{claims.role}</span>
      </h2>
      <div className="actions">
        <button onClick={() => session.logout()}>Log out</button>
        <button
          title="Ends the sessions of this user in all browsers"
          onClick={() => logoutEverywhere().catch(error => setProblem(messageOf(error)))}
        >
          Log out everywhere
        </button>
      </div>
      <p role="alert" className="problem">{problem}</p>
    </section>
  )
}

function Routes() {
  return (
    <section aria-labelledby="routes-title">
      <h2 id="routes-title">Routes</h2>
      <ul>
        <Route path="/api/hello" audience="for everybody" />
        <Route path="/api/me" audience="for whoever is signed in" />
        <Route path="/api/admin" audience="for admins" />
      </ul>
    </section>
  )
}

function Route({ path, audience }: { path: string; audience: string }) {
  const [answer, call] = useActionState(async () => {
    try {
      const response = await session.fetch(path)
      return { ok: response.ok, status: response.status, text: (await response.text()) || response.statusText }
    } catch (error) {
      return { ok: false, status: null, text: messageOf(error) }
    }
  }, null)
  return (
    <li>
      <form action={call}>
        <button><code>GET {path}</code></button> <span className="quiet">{audience}</span>
      </form>
      <output>
        {answer && <><b className={answer.ok ? 'good' : 'bad'}>{answer.status}</b> {answer.text}</>}
      </output>
    </li>
  )
}
