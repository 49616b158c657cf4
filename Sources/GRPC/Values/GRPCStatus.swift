/// How a call ended. Thrown by a client's call and by what answers one; anything but `ok` is an error.
package struct GRPCStatus: Error, Sendable, Hashable {
    /// The codes of gRPC; their names are those that log lines show.
    package enum Code: Int, Sendable, Hashable, CaseIterable {
        case ok = 0
        case cancelled = 1
        case unknown = 2
        case invalidArgument = 3
        case deadlineExceeded = 4
        case notFound = 5
        case alreadyExists = 6
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case aborted = 10
        case outOfRange = 11
        case unimplemented = 12
        case internalError = 13
        case unavailable = 14
        case dataLoss = 15
        case unauthenticated = 16
    }

    package var code: Code
    /// For people. It travels to the peer.
    package var message: String
    /// What is behind it, such as a refused connection. It stays on this side.
    package var cause: String?

    package init(_ code: Code, _ message: String = "", cause: String? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    package static let ok = GRPCStatus(.ok)

    package var isOK: Bool { code == .ok }
}

extension GRPCStatus: CustomStringConvertible {
    /// `unavailable: message (cause)`.
    package var description: String {
        "\(code)" + (message.isEmpty ? "" : ": \(message)") + (cause.map { " (\($0))" } ?? "")
    }
}

extension GRPCStatus {
    /// What another error is to the peer: a status is itself, everything else says nothing about its reason.
    package init(_ error: any Error) {
        switch error {
        case let status as GRPCStatus: self = status
        case is CancellationError: self.init(.cancelled, "the call was cancelled")
        default: self.init(.unknown, "the call failed")
        }
    }
}
