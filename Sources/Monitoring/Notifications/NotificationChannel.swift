/// Where messages go (`engines.md` 5): a URL that is called once a message.
package struct NotificationChannel: Sendable, Hashable {
    package enum Method: Int, Sendable {
        case get = 1
        case post = 2
    }

    package enum BodyType: Int, Sendable {
        case json = 1
        case form = 2
    }

    package var id: Int64
    package var url: String
    /// A ``Method``; any other number is told when a message is to be sent.
    package var method: Int
    /// A ``BodyType``; matters for POST only.
    package var bodyType: Int
    /// A JSON object of texts, or empty.
    package var headers: String
    package var body: String
    package var verifiesTLS: Bool
    /// Whether sizes and percentages are written for people.
    package var formatsUnits: Bool

    package init(
        id: Int64 = 0, url: String, method: Int, bodyType: Int, headers: String = "", body: String = "",
        verifiesTLS: Bool = false, formatsUnits: Bool = false
    ) {
        self.id = id
        self.url = url
        self.method = method
        self.bodyType = bodyType
        self.headers = headers
        self.body = body
        self.verifiesTLS = verifiesTLS
        self.formatsUnits = formatsUnits
    }
}

/// Why a message was not sent. The texts are those that users know; none holds anything of the URL or of an answer.
package enum NotificationError: Error, Sendable, Hashable, CustomStringConvertible {
    case unknownMethod
    case unknownBodyType
    /// Headers or a form's body are no JSON object.
    case notAnObject
    case targetNotAllowed
    /// An answer that is no success.
    case status(Int)
    case failed(String)

    package var description: String {
        switch self {
        case .unknownMethod: "不支持的请求方式"
        case .unknownBodyType: "不支持的请求类型"
        case .notAnObject: "wrong type"
        case .targetNotAllowed: "HTTP URL target is not allowed"
        case .status(let code): "\(code)@\(Self.line(code))"
        case .failed(let reason): reason
        }
    }

    /// Such as `404 Not Found`.
    private static func line(_ code: Int) -> String {
        guard let phrase = StatusPhrases.phrase(of: code) else { return "\(code)" }
        return "\(code) \(phrase)"
    }
}
