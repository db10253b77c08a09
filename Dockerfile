# Two stages: packages, compiled code and the console, then only what runs. No compiler, no package manager state, no sources.
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json tsconfig.json ./
COPY scripts ./scripts
COPY bin ./bin
COPY src ./src
COPY workers ./workers
COPY console ./console
# `prepare` compiles, and bundles the console with Vite; what was only needed for that is left behind afterwards.
RUN npm ci --no-audit --no-fund \
 && npm prune --omit=dev --ignore-scripts --no-audit --no-fund \
 && rm -rf node_modules/esbuild node_modules/@esbuild \
 && find node_modules dist -name '*.map' -delete

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json ./
COPY bin ./bin
COPY config ./config
COPY models/flash-mini ./models/flash-mini
COPY models/pro-mini ./models/pro-mini
# The only places that are written to: settlements and SQLite here, sockets of embedded workers in /tmp.
RUN mkdir data && chown node:node data
USER node
EXPOSE 8080 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.PORT || 8080) + '/health').then(answer => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/gearbox.js"]
CMD ["start"]
