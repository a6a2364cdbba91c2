// Asks each node for its lag, once a second, and draws the last minute.

const NODES = ['1', '2', '3']
const SAMPLES = 60
const HIGHEST = 10_000 // milliseconds, at the top of a chart
const BEHIND = 2_000

const SVG = 'http://www.w3.org/2000/svg'

const nodes = NODES.map(name => {
  const item = document.createElement('li')
  const title = document.createElement('strong')
  title.textContent = `Node ${name}`
  const value = document.createElement('span')
  const chart = document.createElementNS(SVG, 'svg')
  chart.setAttribute('viewBox', `0 0 ${SAMPLES - 1} 20`)
  chart.setAttribute('preserveAspectRatio', 'none')
  chart.setAttribute('aria-hidden', 'true')
  const line = document.createElementNS(SVG, 'polyline')
  chart.append(line)
  item.append(title, value, chart)
  document.getElementById('nodes').append(item)
  return { name, item, value, line, samples: [] }
})

/** Milliseconds; `null` where the node does not answer. */
async function lagOf(name) {
  try {
    const response = await fetch(`/lag/${name}`, { cache: 'no-store', signal: AbortSignal.timeout(2_000) })
    return response.ok ? (await response.json()).lag_ms : null
  } catch {
    return null
  }
}

function draw({ item, value, line, samples }) {
  const lag = samples.at(-1)
  item.dataset.is = lag === null ? 'gone' : lag > BEHIND ? 'behind' : 'well'
  value.textContent = lag === null ? 'does not answer' : lag > BEHIND ? `${(lag / 1000).toFixed(1)} s behind` : `${lag} ms`
  const from = SAMPLES - samples.length
  const height = lag => 19 - (18 * Math.min(lag ?? HIGHEST, HIGHEST)) / HIGHEST
  line.setAttribute('points', samples.map((lag, index) => `${from + index},${height(lag).toFixed(1)}`).join(' '))
}

async function look() {
  await Promise.all(
    nodes.map(async node => {
      node.samples.push(await lagOf(node.name))
      if (node.samples.length > SAMPLES) node.samples.shift()
      draw(node)
    }),
  )
  const behind = nodes.filter(({ item }) => item.dataset.is !== 'well')
  document.body.dataset.state = behind.length ? 'offline' : 'in'
  const text = behind.length
    ? `${behind.length} of ${nodes.length} nodes hear nothing of the registry: requests go on by the tokens alone`
    : 'All nodes follow the registry'
  const status = document.getElementById('status')
  if (status.textContent !== text) status.textContent = text
}

for (;;) {
  if (document.visibilityState === 'visible') await look()
  await new Promise(resolve => setTimeout(resolve, 1_000))
}
