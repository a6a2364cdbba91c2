import { useApolloClient } from '@apollo/client/react'
import { useActionState, useState } from 'react'
import { CHANGE_PASSWORD, LOGIN, LOG_OUT_EVERYWHERE, REGISTER } from './documents'
import { messageOf } from './problem'
import { ACCOUNTS, adopt, session } from './session'

export function Login() {
  const client = useApolloClient()
  const [isNew, setIsNew] = useState(false)
  const [{ name, problem }, submit, isPending] = useActionState(
    async (_: unknown, form: FormData) => {
      const variables = { name: String(form.get('name')), password: String(form.get('password')) }
      try {
        if (isNew) {
          const { data } = await client.mutate({ mutation: REGISTER, variables, context: ACCOUNTS })
          await adopt(data!.register)
        } else {
          const { data } = await client.mutate({ mutation: LOGIN, variables, context: ACCOUNTS })
          await adopt(data!.login)
        }
        return { name: '', problem: '' }
      } catch (error) {
        return { name: variables.name, problem: messageOf(error) }
      }
    },
    { name: '', problem: '' },
  )
  const title = isNew ? 'Register' : 'Log in'
  return (
    <section aria-labelledby="login-title">
      <h2 id="login-title">{title}</h2>
      <form action={submit}>
        <label htmlFor="name">Name</label>
        <input id="name" name="name" defaultValue={name} maxLength={50} autoComplete="username" autoCapitalize="none" required />
        <label htmlFor="password">Password</label>
        <input
          id="password"
          name="password"
          type="password"
          autoComplete={isNew ? 'new-password' : 'current-password'}
          minLength={isNew ? 8 : undefined}
          maxLength={200}
          required
        />
        <p role="alert" className="problem">{problem}</p>
        <div className="actions">
          <button className="primary" disabled={isPending}>{title}</button>
          <button type="button" className="plain" onClick={() => setIsNew(!isNew)}>
            {isNew ? 'I have an account' : 'I am new here'}
          </button>
        </div>
      </form>
    </section>
  )
}

export function Account({ name, isAdmin }: { name: string; isAdmin: boolean }) {
  const client = useApolloClient()
  const [problem, setProblem] = useState('')
  async function logOutEverywhere() {
    try {
      await client.mutate({ mutation: LOG_OUT_EVERYWHERE, context: ACCOUNTS })
      await session.logout()
    } catch (error) {
      setProblem(messageOf(error))
    }
  }
  return (
    <section aria-labelledby="account-title">
      <h2 id="account-title">
        {name} {isAdmin && <span className="badge">administrator</span>}
      </h2>
      <div className="actions">
        <button onClick={() => session.logout()}>Log out</button>
        <button onClick={logOutEverywhere} title="Ends your sessions in all browsers">Log out everywhere</button>
      </div>
      <p role="alert" className="problem">{problem}</p>
      <details>
        <summary>Change the password</summary>
        <ChangePassword name={name} />
      </details>
    </section>
  )
}

function ChangePassword({ name }: { name: string }) {
  const client = useApolloClient()
  const [{ done, problem }, submit, isPending] = useActionState(
    async (_: unknown, form: FormData) => {
      const variables = { oldPassword: String(form.get('old')), newPassword: String(form.get('new')) }
      try {
        const { data } = await client.mutate({ mutation: CHANGE_PASSWORD, variables, context: ACCOUNTS })
        await adopt(data!.changePassword)
        return { done: 'The password is changed. Other browsers have to log in again.', problem: '' }
      } catch (error) {
        return { done: '', problem: messageOf(error) }
      }
    },
    { done: '', problem: '' },
  )
  return (
    <form action={submit}>
      <input hidden readOnly value={name} autoComplete="username" />
      <label htmlFor="old">Old password</label>
      <input id="old" name="old" type="password" autoComplete="current-password" required />
      <label htmlFor="new">New password</label>
      <input id="new" name="new" type="password" autoComplete="new-password" minLength={8} maxLength={200} required />
      <p role="alert" className="problem">{problem}</p>
      <p role="status" className="good">{done}</p>
      <button disabled={isPending}>Change it</button>
    </form>
  )
}
