import { useApolloClient, useQuery } from '@apollo/client/react'
import { type FormEvent, useState } from 'react'
import { ALL_ACCOUNTS, LOGIN, SET_DISABLED } from './documents'
import { codeOf, messageOf } from './problem'
import { ACCOUNTS, adopt } from './session'

interface Change {
  personId: number
  disabled: boolean
}

/** For administrators. What ends sessions wants a login of a few minutes ago: the password is asked for, and it goes on. */
export function People({ name, userId }: { name: string; userId: number }) {
  const client = useApolloClient()
  const { data, error } = useQuery(ALL_ACCOUNTS, { context: ACCOUNTS })
  const [waiting, setWaiting] = useState<Change>()
  const [problem, setProblem] = useState('')

  async function attempt(change: Change) {
    setProblem('')
    try {
      await client.mutate({ mutation: SET_DISABLED, variables: change, context: ACCOUNTS })
      await client.refetchQueries({ include: [ALL_ACCOUNTS] })
    } catch (error) {
      if (codeOf(error) === 'login_required') setWaiting(change)
      else setProblem(messageOf(error))
    }
  }

  async function confirm(event: FormEvent<HTMLFormElement>) {
    event.preventDefault()
    const password = String(new FormData(event.currentTarget).get('password'))
    try {
      const { data } = await client.mutate({ mutation: LOGIN, variables: { name, password }, context: ACCOUNTS })
      await adopt(data!.login)
      setWaiting(undefined)
    } catch (error) {
      return setProblem(messageOf(error))
    }
    await attempt(waiting!)
  }

  return (
    <section aria-labelledby="people-title">
      <h2 id="people-title">People</h2>
      <p role="alert" className="problem">{problem || (error && messageOf(error))}</p>
      {waiting && (
        <form onSubmit={confirm}>
          <label htmlFor="again">Your password, once more</label>
          <input hidden readOnly value={name} autoComplete="username" />
          <input id="again" name="password" type="password" autoComplete="current-password" autoFocus required />
          <div className="actions">
            <button className="primary">Go on</button>
            <button type="button" className="plain" onClick={() => setWaiting(undefined)}>Leave it</button>
          </div>
        </form>
      )}
      <ul aria-label="People">
        {data?.allAccounts.nodes.map(({ id, name, disabled }) => (
          <li key={id}>
            <div className={disabled ? 'done' : ''}>{name}</div>
            {id !== userId && (
              <button
                className="plain"
                aria-label={`${disabled ? 'Enable' : 'Disable'} ${name}`}
                onClick={() => attempt({ personId: id, disabled: !disabled })}
              >
                {disabled ? 'Enable' : 'Disable'}
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
