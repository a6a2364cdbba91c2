// On top of pages that work without it: the list follows what other tabs do, and forms empty once they are sent.

if (document.getElementById('notes')) listen()

function listen() {
  const source = new EventSource('/events')
  let version
  source.addEventListener('changed', event => {
    if (version !== undefined && version !== event.data) htmx.ajax('GET', '/notes', { target: '#notes', swap: 'outerHTML' })
    version = event.data
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

document.addEventListener('htmx:afterRequest', ({ detail, target }) => {
  if (detail.successful && target.matches('form.card')) target.reset()
})
