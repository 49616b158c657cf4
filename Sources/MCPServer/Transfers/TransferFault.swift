import HTTP
import Primitives

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
        TransferFault(status, text, .invalidArguments(Message(verbatim: text)))
    }

    static func busy(_ text: String, retryAfter: Int) -> TransferFault {
        TransferFault(.serviceUnavailable, text, .rejected(Message(verbatim: text)), retryAfter: retryAfter)
    }

    var response: OutboundResponse {
        var fields = TransferFields.common
        if let retryAfter { fields[.retryAfter] = String(retryAfter) }
        return .text(status, text, fields: fields)
    }
}

extension TransferFault {
    /// What the failure of a call means to the client, in its own words: the right is gone, the agent did not do it, or we
    /// cannot.
    init(_ failure: ToolFailure) {
        let status: HTTPResponse.Status
        switch failure.outcome {
        case .unauthenticated, .scopeDenied, .permissionDenied: status = .unauthorized
        case .internalError: status = .internalServerError
        default: status = .badGateway
        }
        self.init(status, failure.message, failure)
    }
}

/// Header fields of every answer on a transfer URL: its content is for one program, once, and nothing but a file.
enum TransferFields {
    static let common: HTTPFields = {
        var fields = HTTPFields()
        fields[.cacheControl] = "no-store"
        fields[.xContentTypeOptions] = "nosniff"
        // The URL is a secret.
        fields[HTTPField.Name(token: "Referrer-Policy")] = "no-referrer"
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
        return plain == usable ? header : "\(header); filename*=UTF-8''\(PercentCode.encode(usable))"
    }

    private static func plainByte(_ scalar: Unicode.Scalar) -> UInt8 {
        switch scalar {
        case "\"", "\\", "%": UInt8(ascii: "_")
        case " "..."~": UInt8(truncatingIfNeeded: scalar.value)
        default: UInt8(ascii: "_")
        }
    }
}
