import AgentLink
import HTTP

/// A transfer that ends without success: what the client and what the audit log are told.
struct TransferFault: Error, Sendable {
    var status: HTTPResponse.Status
    /// The body, plain text (`mcp.md` 7.2).
    var text: String
    var failure: ToolFailure
    /// Seconds after which the same request may succeed.
    var retryAfter: Int?

    init(_ status: HTTPResponse.Status, _ text: String, _ failure: ToolFailure, retryAfter: Int? = nil) {
        self.status = status
        self.text = text
        self.failure = failure
        self.retryAfter = retryAfter
    }

    /// A fault of the request itself, which the URL survives.
    static func request(_ status: HTTPResponse.Status, _ text: String) -> TransferFault {
        TransferFault(status, text, .invalidArguments(text))
    }

    static func busy(_ text: String, retryAfter: Int) -> TransferFault {
        TransferFault(.serviceUnavailable, text, .rejected(text), retryAfter: retryAfter)
    }

    static func cancelled(_ cause: CancellationCause) -> TransferFault {
        TransferFault(.badGateway, cause.message, .cancelled(cause))
    }

    var response: OutboundResponse {
        var fields = TransferFields.common
        if let retryAfter { fields[.retryAfter] = String(retryAfter) }
        return .text(status, text, fields: fields)
    }
}

extension TransferFault {
    /// What an error that came out of a relay means (`mcp.md` 7.3, 7.5 and 7.6).
    init(_ error: any Error) {
        switch error {
        case let fault as TransferFault: self = fault
        case let failure as RelayFailure: self.init(failure)
        case let error as AgentCallError: self.init(error)
        case let error as FileSpool.Failure:
            let text = "transfer spool: \(error)"
            self.init(.internalServerError, text, .agentError(text))
        case is CancellationError: self = .cancelled(.clientGone)
        default: self.init(.internalServerError, "internal error", .internalError("\(type(of: error)): \(error)"))
        }
    }

    private init(_ failure: RelayFailure) {
        switch failure.kind {
        case .noAnswer: self.init(.badGateway, failure.text, .agentTimeout)
        case .agent: self.init(.badGateway, failure.text, .agentError(failure.text))
        case .clientGone: self = .cancelled(.clientGone)
        }
    }

    private init(_ error: AgentCallError) {
        switch error {
        case .offline: self.init(.badGateway, "server offline", .serverOffline)
        case .timeout: self.init(.badGateway, ToolFailure.agentTimeout.message, .agentTimeout)
        case .notAttached(let seconds):
            self.init(.badGateway, "agent did not attach within \(seconds)s", .agentTimeout)
        case .tooManyStreams(let text), .streamExpired(let text), .brokenStream(let text):
            self.init(.badGateway, text, .agentError(text))
        case .payloadTooLarge, .streamRefused:
            let failure = ToolFailure(error)
            self.init(.badGateway, failure.message, failure)
        }
    }
}

/// Header fields of every answer on a transfer URL: its content is for one program, once, and nothing but a file.
enum TransferFields {
    static let common: HTTPFields = {
        var fields = HTTPFields()
        fields[.cacheControl] = "no-store"
        fields[.xContentTypeOptions] = "nosniff"
        // The URL is a secret.
        if let name = HTTPField.Name("Referrer-Policy") { fields[name] = "no-referrer" }
        return fields
    }()

    /// Of a download, as far as they are known without the file.
    static func download(path: String) -> HTTPFields {
        var fields = common
        fields[.contentType] = "application/octet-stream"
        fields[.contentDisposition] = disposition(path: path)
        return fields
    }

    /// `attachment` with the last part of the path as name (RFC 6266): once in plain ASCII, and where that loses
    /// something, once exactly (RFC 8187).
    static func disposition(path: String) -> String {
        // Agents on Windows take backslashes too.
        let name = path.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last.map(String.init) ?? ""
        let usable = name.isEmpty || name == "." || name == ".." ? "download" : name
        let plain = String(decoding: usable.unicodeScalars.map(plainByte), as: UTF8.self)
        let header = "attachment; filename=\"\(plain)\""
        return plain == usable ? header : "\(header); filename*=UTF-8''\(percentEncoded(usable))"
    }

    private static func plainByte(_ scalar: Unicode.Scalar) -> UInt8 {
        switch scalar {
        case "\"", "\\", "%": UInt8(ascii: "_")
        case " "..."~": UInt8(truncatingIfNeeded: scalar.value)
        default: UInt8(ascii: "_")
        }
    }

    private static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var encoded: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(byte)
            default:
                encoded += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: encoded, as: UTF8.self)
    }
}
