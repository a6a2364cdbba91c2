import axios from 'axios'
import { createAuthRefresh } from 'axios-auth-refresh'

let token
const keep = answer => void (token = answer.access_token)

const client = axios.create()
client.interceptors.request.use(request => {
  request.headers.set('Authorization', `Bearer ${token}`)
  return request
})
createAuthRefresh(client, async () => keep((await axios.post('/auth/refresh')).data), { deduplicateRefresh: false })

window.adopt = keep
window.call = async () => (await client.get('/api/me')).data.sub
