import { fetchExchange, gql } from '@urql/core'
import { createSession } from '/auth/client.js'
import { sessionClient } from '../../../client/src/urql.ts'

const session = createSession()
const client = sessionClient(session, { url: '/graphql', preferGetMethod: false, exchanges: [fetchExchange] })

window.adopt = session.adopt
window.call = async n => (await client.query(gql(`query Q${n} { me }`), {}).toPromise()).data.me
