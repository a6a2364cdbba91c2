import { createSession } from '/auth/client.js'
import { sessionAxios } from '../../../client/src/axios.ts'

const session = createSession()
const client = sessionAxios(session)

window.adopt = session.adopt
window.call = async () => (await client.get('/api/me')).data.sub
