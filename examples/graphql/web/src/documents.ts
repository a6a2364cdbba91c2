// Both servers answer the documents on todos and people, word for word.

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
}

export const WHO: Document<{ currentPerson: Person | null }> = gql`
  query Who { currentPerson { id name } }
`

export const MY_TODOS: Document<{ myTodos: { nodes: Todo[] } }> = gql`
  query MyTodos { myTodos { nodes { id ownerId title done } } }
`

export const ALL_TODOS: Document<
  { allTodos: { nodes: Todo[] }; allPeople?: { nodes: Person[] } },
  { isAdmin: boolean }
> = gql`
  query AllTodos($isAdmin: Boolean!) {
    allTodos { nodes { id ownerId title done } }
    allPeople @include(if: $isAdmin) { nodes { id name } }
  }
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
}

export const LOGIN: Document<{ login: SessionPayload }, { name: string; password: string }> = gql`
  mutation Login($name: String!, $password: String!) {
    login(input: { name: $name, password: $password }) { accessToken expiresIn }
  }
`

export const REGISTER: Document<{ register: SessionPayload }, { name: string; password: string }> = gql`
  mutation Register($name: String!, $password: String!) {
    register(input: { name: $name, password: $password }) { accessToken expiresIn }
  }
`

export const CHANGE_PASSWORD: Document<
  { changePassword: SessionPayload },
  { oldPassword: string; newPassword: string }
> = gql`
  mutation ChangePassword($oldPassword: String!, $newPassword: String!) {
    changePassword(input: { oldPassword: $oldPassword, newPassword: $newPassword }) { accessToken expiresIn }
  }
`

export const LOG_OUT_EVERYWHERE: Document<{ logOutEverywhere: boolean }> = gql`
  mutation LogOutEverywhere { logOutEverywhere }
`
