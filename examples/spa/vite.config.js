import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// An object, as for a mere string Vite rewrites `Host`. Where browsers send Fetch Metadata, the server goes by that; where they
// do not, as on http beyond this machine, it compares `Host` with `Origin`, and would refuse.
const server = { target: `http://localhost:${process.env.PORT ?? 3000}`, changeOrigin: false }
const proxy = { '/api': server, '/auth': server, '/login': server, '/logout-everywhere': server }

export default defineConfig({
  plugins: [react()],
  server: { proxy },
  preview: { proxy },
})
