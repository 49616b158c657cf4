/// Where the bytes of a request body come from.
package protocol RequestBodySource: AnyObject, Sendable {
    /// All that ``next()`` would return, if it is there already and can be had without waiting; it is taken then.
    func takeWhole() -> [UInt8]?
    /// The next chunk, which is not empty; `nil` at the end.
    /// - Throws: when the sender went away.
    func next() async throws -> [UInt8]?
    /// Told by ``RequestBody/collect(upTo:)`` how many bytes more it holds; below 0, how many fewer.
    func gather(_ count: Int)
}

/// A request body that is read once, chunk by chunk; the sender is held back while nobody reads.
package struct RequestBody: Sendable {
    package enum Failure: Error, Sendable, Equatable {
        /// More than `limit` bytes came.
        case tooLarge(limit: Int)
        /// The sender went away.
        case broken
    }

    /// `nil` for an empty body.
    private let source: (any RequestBodySource)?

    package init(_ source: any RequestBodySource) { self.source = source }

    /// - Parameter read: the next non-empty chunk; `nil` at the end; throws when the sender went away.
    package init(read: @escaping @Sendable () async throws -> [UInt8]?) { source = ReadChunks(read) }

    private init() { source = nil }

    package static let empty = RequestBody()

    /// The next chunk; `nil` at the end.
    package func next() async throws -> [UInt8]? { try await source?.next() }

    /// The whole body.
    /// - Throws: ``Failure/tooLarge(limit:)`` as soon as more than `limit` bytes have come, ``Failure/broken``.
    package func collect(upTo limit: Int) async throws(Failure) -> [UInt8] {
        if let whole = try takeWhole(upTo: limit) { return whole }
        var whole: [UInt8] = []
        defer { source?.gather(-whole.count) }
        while true {
            let chunk: [UInt8]?
            do { chunk = try await next() } catch { throw .broken }
            guard let chunk else { return whole }
            guard whole.count + chunk.count <= limit else { throw .tooLarge(limit: limit) }
            if whole.isEmpty { whole = chunk } else { whole += chunk }
            source?.gather(chunk.count)
        }
    }

    /// The whole body, if it is there already.
    /// - Throws: ``Failure/tooLarge(limit:)``.
    package func takeWhole(upTo limit: Int) throws(Failure) -> [UInt8]? {
        guard let source else { return [] }
        guard let whole = source.takeWhole() else { return nil }
        guard whole.count <= limit else { throw .tooLarge(limit: limit) }
        return whole
    }
}

/// A body that a closure reads.
private final class ReadChunks: RequestBodySource {
    private let read: @Sendable () async throws -> [UInt8]?

    init(_ read: @escaping @Sendable () async throws -> [UInt8]?) { self.read = read }

    func takeWhole() -> [UInt8]? { nil }
    func next() async throws -> [UInt8]? { try await read() }
    func gather(_ count: Int) {}
}
