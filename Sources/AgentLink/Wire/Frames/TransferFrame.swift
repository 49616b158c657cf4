/// Why a message is no frame of a transfer.
package enum TransferFrameError: Error, Sendable, Equatable {
    /// No known magic.
    case unknownMagic
    /// Shorter or longer than its kind is, or a chunk that is empty or not as long as it says.
    case wrongLength
    /// More than ``TransferFrame/maxSize``.
    case tooLarge(UInt64)
}

/// One message of a transfer, from agent to gateway (`agent-link.md` 3). The body of an upload has no frames: it goes
/// to the agent raw.
package enum TransferFrame: Sendable, Hashable {
    /// 100 MiB: no transfer is larger.
    package static let maxSize: UInt64 = 104_857_600
    /// Of a SHA-256.
    package static let hashLength = 32
    /// What is read of an error text.
    package static let maxErrorLength = 8 * 1024

    /// NZTU: the agent is ready for an upload of this size.
    case uploadReady(size: UInt64)
    /// NZTD: a download of this size begins.
    case downloadBegins(size: UInt64)
    /// NZTC: never empty.
    case chunk(ArraySlice<UInt8>)
    /// NZTO: all was moved. A hash of zeros says that none was made.
    case done(size: UInt64, sha256: [UInt8])
    /// NZTE, possible at any time.
    case error(String)

    /// What precedes the payload of an NZTC.
    package static let chunkHeaderLength = 12

    private static let uploadReadyMagic: UInt32 = 0x4E5A_5455
    private static let downloadBeginsMagic: UInt32 = 0x4E5A_5444
    private static let chunkMagic: UInt32 = 0x4E5A_5443
    private static let doneMagic: UInt32 = 0x4E5A_544F
    private static let errorMagic: UInt32 = 0x4E5A_5445

    /// - Parameter message: one message of the stream, whole.
    /// - Throws: ``TransferFrameError``. Sizes are compared unsigned, before anything is made of them.
    package init(_ message: [UInt8]) throws(TransferFrameError) {
        guard let magic = BigEndian.read(UInt32.self, message) else { throw .unknownMagic }
        switch magic {
        case Self.uploadReadyMagic:
            self = .uploadReady(size: try Self.size(in: message, length: 12))
        case Self.downloadBeginsMagic:
            self = .downloadBegins(size: try Self.size(in: message, length: 12 + Self.hashLength))
        case Self.chunkMagic:
            let size = try Self.size(in: message, length: nil)
            guard size > 0, UInt64(message.count - 12) == size else { throw .wrongLength }
            self = .chunk(message[12...])
        case Self.doneMagic:
            let size = try Self.size(in: message, length: 12 + Self.hashLength)
            self = .done(size: size, sha256: Array(message[12...]))
        case Self.errorMagic:
            self = .error(String(decoding: message[4...].prefix(Self.maxErrorLength), as: UTF8.self))
        default:
            throw .unknownMagic
        }
    }

    /// The message to send. A hash in ``done(size:sha256:)`` that is not 32 bytes is cut or filled with zeros.
    package var bytes: [UInt8] {
        switch self {
        case .uploadReady(let size):
            Self.header(Self.uploadReadyMagic, size)
        case .downloadBegins(let size):
            Self.header(Self.downloadBeginsMagic, size) + [UInt8](repeating: 0, count: Self.hashLength)
        case .chunk(let payload):
            Self.header(Self.chunkMagic, UInt64(payload.count)) + payload
        case .done(let size, let sha256):
            Self.header(Self.doneMagic, size) + sha256.prefix(Self.hashLength)
                + [UInt8](repeating: 0, count: max(0, Self.hashLength - sha256.count))
        case .error(let text):
            BigEndian.bytes(Self.errorMagic) + Array(text.utf8)
        }
    }

    /// An NZTC message whose payload is read straight into its place; the bytes are those of ``chunk(_:)``.
    /// - Parameters:
    ///   - limit: the room for the payload.
    ///   - read: fills the room from its start and returns how many bytes it wrote.
    /// - Returns: empty when `read` wrote nothing.
    package static func chunk<Failure: Error>(
        upTo limit: Int, reading read: (UnsafeMutableRawBufferPointer) throws(Failure) -> Int
    ) throws(Failure) -> [UInt8] {
        let outcome: Result<[UInt8], Failure> = unsafe withoutActuallyEscaping(read) { read in
            var failure: Failure?
            let message = unsafe [UInt8](unsafeUninitializedCapacity: chunkHeaderLength + limit) { buffer, count in
                let whole = UnsafeMutableRawBufferPointer(buffer)
                let room = unsafe UnsafeMutableRawBufferPointer(rebasing: whole[chunkHeaderLength...])
                do throws(Failure) {
                    let filled = unsafe try read(room)
                    guard filled > 0 else { return }
                    unsafe whole.copyBytes(from: header(chunkMagic, UInt64(filled)))
                    count = chunkHeaderLength + filled
                } catch {
                    failure = error
                }
            }
            return failure.map { .failure($0) } ?? .success(message)
        }
        return try outcome.get()
    }

    private static func header(_ magic: UInt32, _ size: UInt64) -> [UInt8] {
        BigEndian.bytes(magic) + BigEndian.bytes(size)
    }

    private static func size(in message: [UInt8], length: Int?) throws(TransferFrameError) -> UInt64 {
        guard length == nil || message.count == length, let size = BigEndian.read(UInt64.self, message.dropFirst(4))
        else { throw .wrongLength }
        guard size <= maxSize else { throw .tooLarge(size) }
        return size
    }
}
