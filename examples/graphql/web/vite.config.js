import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// An object, as for a mere string Vite rewrites `Host`, and the server, which compares it with `Origin`, then refuses.
const server = { target: `http://localhost:${process.env.PORT ?? 3000}`, changeOrigin: false }

export default defineConfig({
  plugins: [react()],
  server: { proxy: { '/auth': server, '/graphql': server } },
})
