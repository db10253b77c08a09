/** /v1/files: what callers upload for batches (or to keep), and what batches leave for them. A file belongs to the key that sent it. */
import multipart from '@fastify/multipart'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import { fileListSchema, fileUploadSchema } from '../../dialects/batches/file-schema.js'
import { parseOrThrow } from '../../dialects/validation-error.js'
import { GatewayError } from '../../errors.js'
import { FileStore, type StoredFile } from '../../stores/file-store.js'
import type { BatchDependencies } from '../gateway-dependencies.js'
import { ownerOf } from '../owner-of.js'

export const filesRoute: FastifyPluginAsync<{ batches: BatchDependencies }> = async (app, { batches }) => {
  const { stores: { files }, maxFileBytes, maxFiles, maxBytesPerKey, nowMs = Date.now } = batches
  await app.register(multipart, { limits: { fileSize: maxFileBytes, files: 1, fields: 20, fieldSize: 10_000, parts: 25 }, throwFileSizeLimit: false })

  /** @throws GatewayError file_not_found */
  function find (request: FastifyRequest<{ Params: { id: string } }>): StoredFile {
    const { id } = request.params
    const file = files.find(ownerOf(request), id)
    if (file === null) throw new GatewayError('file_not_found', `No such File object: ${id.slice(0, 100)}`, { parameter: 'id' })
    return file
  }

  async function upload (request: FastifyRequest): Promise<object> {
    if (!request.isMultipart()) throw new GatewayError('unsupported_media_type', 'Send a file as Content-Type: multipart/form-data')
    const owner = ownerOf(request)
    const used = files.usage(owner)
    if (used.count >= maxFiles || used.bytes >= maxBytesPerKey) throw new GatewayError('invalid_value', `This key has ${used.count} files of ${used.bytes} bytes together, which is all it may have: delete some`, { parameter: 'file' })
    const id = FileStore.newId()
    try {
      const { fields, filename, bytes } = await readParts(request, { id, files })
      const options = parseOrThrow(fileUploadSchema, fields)
      const createdAt = Math.floor(nowMs() / 1000)
      const seconds = options['expires_after[seconds]']
      const file = { id, owner, purpose: options.purpose, filename, bytes, createdAt, expiresAt: seconds === undefined ? null : createdAt + seconds }
      files.add(file)
      return fileObject(file)
    } catch (error) {
      await files.remove(id)
      throw error
    }
  }

  for (const path of ['/v1/files', '/files']) {
    app.post(path, async request => await upload(request))
    app.get(path, async request => {
      const { after, limit, order, purpose } = parseOrThrow(fileListSchema, request.query)
      const found = files.list({ owner: ownerOf(request), purpose: purpose ?? null, order, after: after ?? null, limit: limit + 1 })
      return listObject(found.map(fileObject), limit)
    })
    addFileRoutes(app, path, { find, files })
  }
}

type FileRequest = FastifyRequest<{ Params: { id: string } }>

function addFileRoutes (app: FastifyInstance, path: string, { find, files }: { find: (request: FileRequest) => StoredFile, files: FileStore }): void {
  app.get<{ Params: { id: string } }>(`${path}/:id`, async request => fileObject(find(request)))
  app.get<{ Params: { id: string } }>(`${path}/:id/content`, async (request, reply) => {
    const file = find(request)
    return await reply.type('application/octet-stream').header('content-length', file.bytes).send(files.read(file.id))
  })
  app.delete<{ Params: { id: string } }>(`${path}/:id`, async request => {
    const { id } = find(request)
    await files.remove(id)
    return { id, object: 'file', deleted: true }
  })
}

/** A page of a list, of which one more was looked up than is shown. */
export function listObject<Item extends { id: string }> (found: Item[], limit: number): object {
  const data = found.slice(0, limit)
  return { object: 'list', data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: found.length > limit }
}

function fileObject ({ id, bytes, createdAt, filename, purpose, expiresAt }: StoredFile): { id: string } {
  return { id, object: 'file', bytes, created_at: createdAt, filename, purpose, status: 'processed', ...(expiresAt === null ? {} : { expires_at: expiresAt }) } as { id: string }
}

interface UploadedParts {
  fields: Record<string, string>
  filename: string
  bytes: number
}

/** Fields may come before or after the file. */
async function readParts (request: FastifyRequest, { id, files }: { id: string, files: FileStore }): Promise<UploadedParts> {
  const fields = new Map<string, string>()
  let file: { filename: string, bytes: number } | null = null
  try {
    for await (const part of request.parts()) {
      if (part.type === 'field') {
        fields.set(part.fieldname, String(part.value))
      } else if (part.fieldname === 'file') {
        const bytes = await files.write(id, part.file)
        if (part.file.truncated) throw new GatewayError('request_too_large', 'The file is larger than this server accepts', { parameter: 'file' })
        file = { filename: (part.filename ?? 'file').slice(0, 255), bytes }
      } else {
        part.file.resume()
      }
    }
  } catch (error) {
    throw isUploadFault(error) ? new GatewayError('invalid_value', `The form is not complete or not valid: ${error.message}`, { parameter: 'file', cause: error }) : error
  }
  if (file === null) throw new GatewayError('missing_required_parameter', 'The form has no file', { parameter: 'file' })
  return { fields: Object.fromEntries(fields), ...file }
}

/** The form's own faults, not those of the disk. */
function isUploadFault (error: unknown): error is Error {
  return error instanceof Error && !(error instanceof GatewayError) && !('syscall' in error)
}
