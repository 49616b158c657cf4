import HTTP
import JSON
import Outbound
import Primitives

extension NotificationChannel {
    /// The request that tells `message`.
    func request(for message: NotificationMessage) throws(NotificationError) -> OutboundClient.Request {
        guard let method = Method(rawValue: method) else {
            // An unknown type is told first, as it always was.
            throw BodyType(rawValue: bodyType) == nil ? .unknownBodyType : .unknownMethod
        }
        let value: (Substring.UTF8View) -> String? = { message.value(of: $0, units: self.formatsUnits) }
        let url = Placeholders.fill(url, value, escape: PercentCode.form)
        var request = OutboundClient.Request(method == .get ? .get : .post, url: url, verifiesTLS: verifiesTLS)
        if method == .post {
            guard let type = BodyType(rawValue: bodyType) else { throw .unknownBodyType }
            switch type {
            case .json:
                request.headers[.contentType] = "application/json"
                request.body = Array(Placeholders.fill(body, value, escape: Placeholders.json).utf8)
            case .form:
                request.headers[.contentType] = "application/x-www-form-urlencoded"
                request.body = Array(try form(value).utf8)
            }
        }
        for (name, value) in try extraHeaders() { request.headers[name] = value }
        return request
    }

    /// The members of the body as a form, in the order of their names.
    private func form(_ value: (Substring.UTF8View) -> String?) throws(NotificationError) -> String {
        let members = try Self.object(body)
        let pairs = members.map { member in
            (member.key, Placeholders.fill(member.value.plainText, value, escape: { $0 }))
        }
        return PercentCode.form(pairs.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) })
    }

    private func extraHeaders() throws(NotificationError) -> [(HTTPField.Name, String)] {
        guard !headers.isEmpty else { return [] }
        return try Self.object(headers).compactMap { member in
            HTTPField.Name(member.key).map { ($0, member.value.plainText) }
        }
    }

    private static func object(_ text: String) throws(NotificationError) -> JSONObject {
        guard let value = try? JSONParser.parse(Array(text.utf8)), let object = value.objectValue else {
            throw .notAnObject
        }
        return object
    }
}

extension JSONValue {
    /// A text as it is, everything else as JSON.
    var plainText: String { stringValue ?? text }
}

extension OutboundClient {
    /// Sends one message once.
    func send(_ message: NotificationMessage, to channel: NotificationChannel) async throws(NotificationError) {
        let request = try channel.request(for: message)
        let answer: Answer
        do throws(OutboundError) {
            answer = try await send(request)
        } catch {
            switch error {
            case .malformedURL, .targetNotAllowed: throw .targetNotAllowed
            default: throw .failed(error.description)
            }
        }
        guard answer.isSuccess else { throw .status(answer.status) }
    }
}
