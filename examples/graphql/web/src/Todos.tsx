import { useApolloClient, useQuery } from '@apollo/client/react'
import { useActionState, useRef, useState } from 'react'
import { ALL_TODOS, COMPLETE, CREATE, DELETE, MY_TODOS, type Todo } from './documents'
import { messageOf } from './problem'

export function Todos({ userId, isAdmin }: { userId: number; isAdmin: boolean }) {
  const [isEveryones, setIsEveryones] = useState(false)
  return (
    <section aria-label="Todos">
      <div role="group" aria-label="Whose todos" className="switch">
        <button aria-pressed={!isEveryones} onClick={() => setIsEveryones(false)}>Mine</button>
        <button aria-pressed={isEveryones} onClick={() => setIsEveryones(true)}>Everyone’s</button>
      </div>
      {isEveryones ? <Everyones userId={userId} isAdmin={isAdmin} /> : <Mine userId={userId} />}
    </section>
  )
}

function Mine({ userId }: { userId: number }) {
  const { data, error } = useQuery(MY_TODOS, { fetchPolicy: 'cache-and-network' })
  return (
    <>
      <Add />
      <List todos={data?.myTodos.nodes} error={error} userId={userId} />
    </>
  )
}

function Everyones({ userId, isAdmin }: { userId: number; isAdmin: boolean }) {
  const { data, error } = useQuery(ALL_TODOS, { fetchPolicy: 'cache-and-network' })
  return (
    <>
      {!isAdmin && <p className="quiet">The database shows everyone’s to administrators only. To you, it shows yours.</p>}
      <List todos={data?.allTodos.nodes} error={error} userId={userId} />
    </>
  )
}

function Add() {
  const client = useApolloClient()
  const [{ title, problem }, submit, isPending] = useActionState(
    async (_: unknown, form: FormData) => {
      const title = String(form.get('title'))
      try {
        await client.mutate({ mutation: CREATE, variables: { title }, refetchQueries: [MY_TODOS] })
        return { title: '', problem: '' }
      } catch (error) {
        return { title, problem: messageOf(error) }
      }
    },
    { title: '', problem: '' },
  )
  return (
    <form action={submit} className="add">
      <input name="title" aria-label="New todo" placeholder="What is next?" defaultValue={title} maxLength={200} required />
      <button className="primary" disabled={isPending}>Add</button>
      <p role="alert" className="problem">{problem}</p>
    </form>
  )
}

interface ListProps {
  todos: Todo[] | undefined
  error: Error | undefined
  userId: number
}

function List({ todos, error, userId }: ListProps) {
  const client = useApolloClient()
  const list = useRef<HTMLUListElement>(null)
  const [problem, setProblem] = useState('')

  /** Does it, and says what went wrong. Where the row is gone, version 5 of PostGraphile gives null. */
  async function attempt(change: () => Promise<{ todo: unknown } | null | undefined>) {
    setProblem('')
    try {
      if ((await change())?.todo) return
      setProblem('It is not there any more.')
      await client.refetchQueries({ include: 'active' })
    } catch (error) {
      setProblem(messageOf(error))
    }
  }

  const complete = ({ id, done }: Todo) =>
    attempt(async () => {
      const { data } = await client.mutate({
        mutation: COMPLETE,
        variables: { id, done: !done },
        optimisticResponse: {
          updateTodoById: { __typename: 'UpdateTodoPayload', todo: { __typename: 'Todo', id, done: !done } },
        },
      })
      return data?.updateTodoById
    })

  const remove = ({ id }: Todo) =>
    attempt(async () => {
      const { data } = await client.mutate({
        mutation: DELETE,
        variables: { id },
        update: cache => void cache.evict({ id: cache.identify({ __typename: 'Todo', id }) }),
      })
      list.current?.focus() // as the button that had it is gone
      return data?.deleteTodoById
    })

  return (
    <>
      <p role="alert" className="problem">{problem || (error && messageOf(error))}</p>
      {!todos && !error && <p className="quiet">Looking for todos</p>}
      {todos?.length === 0 && <p className="quiet">Nothing to do.</p>}
      <ul ref={list} tabIndex={-1} aria-label="Todos">
        {todos?.map(todo => (
          <li key={todo.id}>
            <div>
              <label className={todo.done ? 'done' : ''}>
                <input type="checkbox" checked={todo.done} disabled={todo.ownerId !== userId} onChange={() => complete(todo)} />
                <span>{todo.title}</span>
              </label>
              {todo.personByOwnerId && <p className="owner">{todo.personByOwnerId.name}</p>}
            </div>
            {todo.ownerId === userId && (
              <button className="plain" aria-label={`Delete ${todo.title}`} onClick={() => remove(todo)}>Delete</button>
            )}
          </li>
        ))}
      </ul>
    </>
  )
}
