// GET / behind jsonwebtoken, with a KeyObject: with a string as the secret it makes one for every request. Prints its
// address, and the header that a request needs.

import { createSecretKey } from 'node:crypto'
import express from 'express'
import jwt from 'jsonwebtoken'

const key = createSecretKey('pTq9vNf3mZ0rXcL7bKeW2sYdHj5uGaQ8oRi1tVnB6xM4', 'utf8')
const checks = { algorithms: ['HS256'], issuer: 'bench', audience: 'bench' }
const claims = { sid: 'ilvbTMFRZBJsbvJmjendJA', name: 'Jane Doe', role: 'administrator of the shop' }
const token = jwt.sign({ ...claims, auth_time: Math.floor(Date.now() / 1000) }, key, {
  subject: '248289761001',
  issuer: 'bench',
  audience: 'bench',
  expiresIn: '15m',
})

const app = express()
app.disable('x-powered-by')
app.use((request, response, next) => {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ')
  if (scheme !== 'Bearer') return response.status(401).end()
  try {
    request.claims = jwt.verify(token, key, checks)
  } catch {
    return response.status(401).end()
  }
  next()
})
app.get('/', (request, response) => {
  response.status(200).end()
})
const server = app.listen(0, '127.0.0.1', () => {
  console.log(`127.0.0.1:${server.address().port}\nAuthorization: Bearer ${token}`)
})
