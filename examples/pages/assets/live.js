// On top of pages that work without it: the list follows what other tabs do, and forms empty once they are sent.

const list = () => document.getElementById('notes')
const shown = () => Number(list().dataset.version)
const renew = () => htmx.ajax('GET', '/notes', { target: '#notes', swap: 'outerHTML' })
let latest = 0
let asked = 0

if (list()) listen()

function listen() {
  const source = new EventSource('/events')
  source.addEventListener('changed', event => {
    latest = Number(event.data)
    if (shown() !== latest) renew()
  })
  source.onerror = async () => {
    // A lost connection comes back by itself, through a refresh where one is due; an answer other than 200 does not.
    if (source.readyState !== EventSource.CLOSED) return
    await new Promise(resolve => setTimeout(resolve, 5000))
    const refreshed = await fetch('/auth/refresh', { method: 'POST' }).catch(() => undefined)
    if (refreshed?.status === 401) location.reload()
    else listen()
  }
}

// A late answer may have brought an older list back.
document.addEventListener('htmx:afterSwap', () => {
  // Once each, since a server that began anew counts from the beginning.
  if (shown() >= latest || asked === latest) return
  asked = latest
  renew()
})

document.addEventListener('htmx:afterRequest', ({ detail, target }) => {
  if (detail.successful && target.matches('form.card')) target.reset()
})
