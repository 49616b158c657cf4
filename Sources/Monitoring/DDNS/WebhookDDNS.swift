import HTTP
import JSON
import Outbound
import Primitives
import Storage

/// Calls a URL of the user's (`engines-details.md` 7). Placeholders are filled in the query of the URL, the headers and
/// the body.
struct WebhookDDNS: DDNSProvider {
    let form: DDNSForm

    func set(_ record: DDNSRecord, by client: OutboundClient) async throws(DDNSError) {
        _ = try await client.answer(try request(for: record))
    }

    func request(for record: DDNSRecord) throws(DDNSError) -> OutboundClient.Request {
        let value: (Substring.UTF8View) -> String? = { self.value(of: $0, record) }
        guard let method = Self.methods[form.webhookMethod] else { throw .malformed }
        var request = OutboundClient.Request(method, url: url(value))
        if form.webhookMethod != 1, form.webhookMethod != 4 {
            switch form.webhookRequestType {
            case 1:
                request.headers[.contentType] = "application/json"
                request.body = Array(
                    Placeholders.fill(body, value, escape: Placeholders.json).utf8)
            case 2:
                request.headers[.contentType] = "application/x-www-form-urlencoded"
                request.body = Array(try formBody(value).utf8)
            default: throw .malformed
            }
        }
        guard !form.webhookHeaders.isEmpty else { return request }
        for member in try Self.object(form.webhookHeaders) {
            guard let name = HTTPField.Name(member.key) else { continue }
            request.headers[name] = Placeholders.fill(member.value.stringValue ?? "", value, escape: { $0 })
        }
        return request
    }

    private static let methods: [Int64: HTTPRequest.Method] = [
        1: .get, 2: .post, 3: .patch, 4: .delete, 5: .put,
    ]

    private func value(of name: Substring.UTF8View, _ record: DDNSRecord) -> String? {
        switch String(decoding: name, as: UTF8.self) {
        case "ip": record.address
        case "domain": record.domain
        case "type": record.kind == .a ? "ipv4" : "ipv6"
        case "record": record.kind.rawValue
        case "access_id": form.accessID
        case "access_secret": form.accessSecret
        default: nil
        }
    }

    /// Without blanks around it and without carriage returns, as it always was.
    private var body: String { trimmed(form.webhookRequestBody) }

    private func trimmed(_ text: String) -> String {
        let bytes = text.utf8.filter { $0 != 0x0D }
        let rest = bytes.drop { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A }
        let end = rest.lastIndex { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A }.map { $0 + 1 } ?? rest.startIndex
        return String(decoding: rest[rest.startIndex..<end], as: UTF8.self)
    }

    /// Only the query is filled; a `#` that is left is a letter like others, never the start of a fragment.
    private func url(_ value: (Substring.UTF8View) -> String?) -> String {
        let text = trimmed(form.webhookURL)
        guard let mark = text.utf8.firstIndex(of: UInt8(ascii: "?")) else { return escaped(text) }
        let query = Placeholders.fill(String(text[mark...]), value, escape: PercentCode.form)
        return escaped(String(text[..<mark]) + query)
    }

    private func escaped(_ text: String) -> String {
        String(decoding: text.utf8.flatMap { $0 == UInt8(ascii: "#") ? Array("%23".utf8) : [$0] }, as: UTF8.self)
    }

    private func formBody(_ value: (Substring.UTF8View) -> String?) throws(DDNSError) -> String {
        let pairs = try Self.object(body).map { member in
            (member.key, Placeholders.fill(member.value.plainText, value, escape: { $0 }))
        }
        return PercentCode.form(pairs.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) })
    }

    private static func object(_ text: String) throws(DDNSError) -> JSONObject {
        guard let object = (try? JSONParser.parse(text))?.objectValue else { throw .malformed }
        return object
    }
}
