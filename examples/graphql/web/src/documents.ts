// All servers answer the documents on todos and people, word for word; those on accounts are the program's.

import { gql, type TypedDocumentNode } from '@apollo/client'

type Document<Data, Variables extends Record<string, unknown> = Record<string, never>> = TypedDocumentNode<Data, Variables>

export interface Person {
  id: number
  name: string
}

export interface Todo {
  id: number
  ownerId: number
  title: string
  done: boolean
  personByOwnerId?: Person | null
}

export const WHO: Document<{ currentPerson: Person | null }> = gql`
  query Who { currentPerson { id name } }
`

export const MY_TODOS: Document<{ myTodos: { nodes: Todo[] } }> = gql`
  query MyTodos { myTodos { nodes { id ownerId title done } } }
`

export const ALL_TODOS: Document<{ allTodos: { nodes: Todo[] } }> = gql`
  query AllTodos { allTodos { nodes { id ownerId title done personByOwnerId { id name } } } }
`

export const CREATE: Document<unknown, { title: string }> = gql`
  mutation CreateTodo($title: String!) { createTodo(input: { todo: { title: $title } }) { todo { id } } }
`

// PostGraphile 5 answers null where there is no such row; the others, an error.

export const COMPLETE: Document<
  { updateTodoById: { __typename?: string; todo: Pick<Todo, 'id' | 'done'> & { __typename?: string } } | null },
  { id: number; done: boolean }
> = gql`
  mutation CompleteTodo($id: Int!, $done: Boolean!) {
    updateTodoById(input: { id: $id, todoPatch: { done: $done } }) { todo { id done } }
  }
`

export const DELETE: Document<{ deleteTodoById: { todo: Pick<Todo, 'id'> } | null }, { id: number }> = gql`
  mutation DeleteTodo($id: Int!) { deleteTodoById(input: { id: $id }) { todo { id } } }
`

export interface SessionPayload {
  accessToken: string
  expiresIn: number
  person: Person
}

export const LOGIN: Document<{ login: SessionPayload }, { name: string; password: string }> = gql`
  mutation Login($name: String!, $password: String!) {
    login(input: { name: $name, password: $password }) { accessToken expiresIn person { id name } }
  }
`

export const REGISTER: Document<{ register: SessionPayload }, { name: string; password: string }> = gql`
  mutation Register($name: String!, $password: String!) {
    register(input: { name: $name, password: $password }) { accessToken expiresIn person { id name } }
  }
`

export const CHANGE_PASSWORD: Document<
  { changePassword: SessionPayload },
  { oldPassword: string; newPassword: string }
> = gql`
  mutation ChangePassword($oldPassword: String!, $newPassword: String!) {
    changePassword(input: { oldPassword: $oldPassword, newPassword: $newPassword }) { accessToken expiresIn person { id name } }
  }
`

export const LOG_OUT_EVERYWHERE: Document<{ logOutEverywhere: boolean }> = gql`
  mutation LogOutEverywhere { logOutEverywhere }
`

export interface Account extends Person {
  disabled: boolean
}

export const ALL_ACCOUNTS: Document<{ allAccounts: { nodes: Account[] } }> = gql`
  query AllAccounts { allAccounts { nodes { id name disabled } } }
`

export const SET_DISABLED: Document<{ setDisabled: boolean }, { personId: number; disabled: boolean }> = gql`
  mutation SetDisabled($personId: Int!, $disabled: Boolean!) {
    setDisabled(input: { personId: $personId, disabled: $disabled })
  }
`
