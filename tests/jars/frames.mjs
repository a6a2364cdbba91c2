// HTTP/2 by hand (RFC 9113, HPACK without tables: RFC 7541), for what no client would send.

import net from 'node:net'

export const TYPE = { DATA: 0, HEADERS: 1, PRIORITY: 2, RST_STREAM: 3, SETTINGS: 4, GOAWAY: 7, CONTINUATION: 9 }
export const FLAG = { END_STREAM: 1, END_HEADERS: 4, PADDED: 8, PRIORITY: 32 }
const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

export const bytes = (...values) => Buffer.from(values)

export function frame(type, flags, stream, payload = bytes()) {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** An integer behind a prefix of `bits` bits (RFC 7541, section 5.1). */
function integer(value, bits, first = 0) {
  const most = 2 ** bits - 1
  if (value < most) return bytes(first | value)
  const rest = []
  for (value -= most; value > 127; value >>= 7) rest.push((value & 127) | 128)
  return bytes(first | most, ...rest, value)
}

const string = text => {
  const raw = Buffer.from(text, 'latin1')
  return Buffer.concat([integer(raw.length, 7), raw])
}

/** A field as a literal that enters no table. */
export const field = (name, value) => Buffer.concat([bytes(0), string(name), string(value)])
export const block = fields => Buffer.concat(fields.map(one => (Buffer.isBuffer(one) ? one : field(...one))))

/** The status, which these servers write first. */
function status(payload) {
  const indexed = { 0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500 }[payload[0]]
  if (indexed) return indexed
  const length = payload[1] & 127
  const value = payload.subarray(2, 2 + length)
  if (!(payload[1] & 128)) return Number(value.toString())
  const bits = [...value].map(byte => byte.toString(2).padStart(8, '0')).join('')
  // Of Huffman's code, the digits.
  const digits = [...bits.matchAll(/0000[01]|00010|011[01]{3}/g)].map(([code]) =>
    code.length === 5 ? parseInt(code, 2) : parseInt(code, 2) - 0b011001 + 3,
  )
  return Number(digits.slice(0, 3).join(''))
}

/** Sends frames behind the preface and waits for what becomes of it: a status, a reset stream, or the connection's end. */
export function exchange(port, frames, { preface = PREFACE, patience = 3000 } = {}) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1')
    let received = bytes()
    const done = outcome => {
      clearTimeout(timer)
      socket.destroy()
      resolve(outcome)
    }
    const timer = setTimeout(() => done('nothing'), patience)
    socket.on('connect', () => socket.write(Buffer.concat([Buffer.from(preface), frame(TYPE.SETTINGS, 0, 0), ...frames])))
    socket.on('data', data => {
      received = Buffer.concat([received, data])
      while (received.length >= 9 && received.length >= 9 + received.readUIntBE(0, 3)) {
        const length = received.readUIntBE(0, 3)
        const [type, payload] = [received[3], received.subarray(9, 9 + length)]
        received = received.subarray(9 + length)
        if (type === TYPE.HEADERS) return done(status(payload))
        if (type === TYPE.RST_STREAM) return done('stream')
        if (type === TYPE.GOAWAY) return done('connection')
      }
    })
    socket.on('close', () => done('connection'))
    socket.on('error', error => (['ECONNRESET', 'EPIPE'].includes(error.code) ? done('connection') : reject(error)))
  })
}
