import JSON
import Primitives
import Settings
import Testing

@testable import OAuth2

@Suite("OAuth2: texts of providers")
struct ProviderTextTests {
    @Test(
        "an id is a text or a number at its path",
        arguments: [
            ("id", #"{"id": 42}"#, "42"), ("id", #"{"id": "a b"}"#, "a b"),
            ("data.id", #"{"data": {"id": "open-1"}}"#, "open-1"),
            ("list.1.sub", #"{"list": [{}, {"sub": "x"}]}"#, "x"), (#"a\.b"#, #"{"a.b": "dotted"}"#, "dotted"),
            // Bigger than any number that a floating point value holds exactly.
            ("id", #"{"id": 90071992547409931}"#, "90071992547409931"),
        ])
    func found(path: String, document: String, id: String) throws {
        let document = try JSONParser.parse(Array(document.utf8))
        #expect(UserIDPath(path).id(in: document) == id)
    }

    @Test(
        "what is missing, empty or of another type is nobody",
        arguments: [
            ("id", "{}"), ("id", #"{"id": ""}"#), ("id", #"{"id": null}"#), ("id", #"{"id": true}"#),
            ("id", #"{"id": ["open-1"]}"#), ("id", #"{"id": {}}"#), ("data.id", #"{"data": "open-1"}"#),
            ("list.2", #"{"list": ["a", "b"]}"#), ("list.-1", #"{"list": ["a"]}"#), ("", #"{"id": "x"}"#), ("id", "5"),
        ])
    func nobody(path: String, document: String) throws {
        let document = try JSONParser.parse(Array(document.utf8))
        #expect(UserIDPath(path).id(in: document) == nil)
    }

    @Test("an id of 512 bytes is one, a longer one is not")
    func length() {
        func id(_ count: Int) -> String? {
            UserIDPath("id").id(in: ["id": .string(String(repeating: "x", count: count))])
        }
        #expect(id(512)?.utf8.count == 512)
        #expect(id(513) == nil)
    }

    @Test("forms are written and read")
    func forms() {
        #expect(PercentCode.form([("a b", "c&d=é"), ("e", "")]) == "a+b=c%26d%3D%C3%A9&e=")
        let form = Array("x=1&access_token=a%2Bb+c%zz&access_token=2&bad=%FF".utf8)
        #expect(FormText.value(of: "access_token", in: form) == "a+b c%zz")
        #expect(FormText.value(of: "bad", in: form) == nil)
        #expect(FormText.value(of: "missing", in: form) == nil)
    }

    @Test("the browser comes back to the host that it asked, or to the one that the operator names")
    func returnURL() {
        var settings = GatewaySettings()
        #expect(
            ReturnURL.make(base: "http://a.example:8008", settings) == "http://a.example:8008/api/v1/oauth2/callback")
        settings.dashboardHost = "dash.example"
        settings.reservedHosts = "other.example, third.example"
        for host in ["dash.example", "OTHER.example:8008", "third.example."] {
            #expect(ReturnURL.make(base: "https://\(host)", settings) == "https://\(host)/api/v1/oauth2/callback")
        }
        #expect(ReturnURL.make(base: "https://evil.example", settings) == "https://dash.example/api/v1/oauth2/callback")
        settings.publicURL = "https://public.example"
        #expect(
            ReturnURL.make(base: "https://public.example", settings) == "https://public.example/api/v1/oauth2/callback")
    }
}
