import HTTPTypes
import MCPServer
import NIOCore
import NIOHTTPTypes
import Synchronization

/// The parts of the requests of one HTTP/1 connection, in order. Nothing is read ahead: while nobody asks, the client
/// is held back.
///
/// `@unchecked Sendable`: the iterator is touched only by the call that has taken it out of the mutex, and nobody else
/// can take it until that call has put it back. So it is used by one task at a time, though not always the same one.
final class RequestParts: @unchecked Sendable {
    typealias Iterator = NIOAsyncChannelInboundStream<HTTPRequestPart>.AsyncIterator

    /// What stands between the head just read and the next one.
    enum Body: Sendable, Equatable {
        case unread
        case partlyRead
        case ended
        /// It cannot be read to its end any more.
        case broken
    }

    /// `@unchecked Sendable`: it is in the mutex, or with the one call that has taken it out of there.
    private struct Box: @unchecked Sendable {
        var iterator: Iterator
    }

    private struct State {
        var box: Box?
        var body = Body.ended
    }

    private let state: Mutex<State>

    init(_ inbound: NIOAsyncChannelInboundStream<HTTPRequestPart>) {
        state = Mutex(State(box: Box(iterator: inbound.makeAsyncIterator())))
    }

    var body: Body { state.withLock { $0.body } }

    /// The head of the next request, past whatever is left of the body before it; `nil` at the end of the connection.
    func nextHead() async throws -> HTTPRequest? {
        while let part = try await next() {
            guard case .head(let head) = part else { continue }
            state.withLock { $0.body = .unread }
            return head
        }
        return nil
    }

    /// The next chunk of the body of the request whose head was read last; `nil` at its end.
    /// - Throws: also when the connection ended inside the body, or when two tasks read at once.
    func nextChunk() async throws -> ByteBuffer? {
        while body != .ended {
            do {
                switch try await next() {
                case .body(let chunk):
                    state.withLock { $0.body = .partlyRead }
                    if chunk.readableBytes > 0 { return chunk }
                case .end:
                    state.withLock { $0.body = .ended }
                case .head, nil:
                    throw RequestBody.Failure.broken
                }
            } catch {
                state.withLock { $0.body = .broken }
                throw error
            }
        }
        return nil
    }

    /// Reads past the rest of the body.
    /// - Returns: whether its end was reached within `limit` bytes.
    func skipBody(upTo limit: Int) async throws -> Bool {
        guard body != .broken else { return false }
        var left = limit
        while let chunk = try await nextChunk() {
            left -= chunk.readableBytes
            if left < 0 { return false }
        }
        return true
    }

    private func next() async throws -> HTTPRequestPart? {
        let taken = state.withLock { state in
            let box = state.box
            state.box = nil
            return box
        }
        guard var box = taken else { throw RequestBody.Failure.broken }
        let result: Result<HTTPRequestPart?, any Error>
        do {
            result = .success(try await box.iterator.next())
        } catch {
            result = .failure(error)
        }
        let back = box
        state.withLock { $0.box = back }
        return try result.get()
    }
}
