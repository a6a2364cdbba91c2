import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

// An object, as for a mere string Vite rewrites `Host`; browsers without Fetch Metadata have it compared with `Origin`.
const server = { target: `http://localhost:${process.env.PORT ?? 3000}`, changeOrigin: false }

export default defineConfig({
  plugins: [react()],
  build: {
    rolldownOptions: { input: ['index.html', 'graphiql.html'] },
    chunkSizeWarningLimit: 2000,
  },
  server: { proxy: { '/auth': server, '/graphql': { ...server, ws: true } } },
})
