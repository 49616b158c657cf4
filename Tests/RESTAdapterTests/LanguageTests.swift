import HTTP
import JSON
import Settings
import TestSupport
import Testing

@testable import RESTAdapter

@Suite("Refusals in the language of the settings")
struct LanguageTests {
    @Test(
        "a refusal is told in the language that is set, its arguments as they are; an unknown language is English",
        arguments: [
            ("en_US", "group id 999 does not exist", "permission denied"),
            ("zh_CN", "组 id 999 不存在", "权限不够"), ("zh-CN", "组 id 999 不存在", "权限不够"),
            ("zh_TW", "組 id 999 不存在", "權限不夠"), ("xx_YY", "group id 999 does not exist", "permission denied"),
        ])
    func languages(language: String, missing: String, denied: String) async throws {
        let world = try await TestWorld()
        world.settings.set { $0.language = language }
        let admin = try await world.session()
        let answer = try await world.send(
            .patch, "/api/v1/server-group/999", bearer: admin, body: #"{"name":"x","servers":[]}"#)
        #expect(answer.status == 200)
        #expect(answer.json["error"]?.stringValue == missing)
        let member = try await world.session(of: "member")
        #expect(
            try await world.send(.get, "/api/v1/user", bearer: member).json["error"]?.stringValue == denied)
    }

    @Test("what programs compare stays as it is in every language", arguments: ["zh_CN", "de_DE"])
    func constants(language: String) async throws {
        let world = try await TestWorld()
        world.settings.set { $0.language = language }
        #expect(
            try await world.send(.get, "/api/v1/profile").json["error"]?.stringValue == "ApiErrorUnauthorized")
        let token = try await world.token("nezha:server:read")
        let refused = try await world.send(.get, "/api/v1/server", bearer: token)
        #expect(refused.status == 403)
        #expect(
            refused.json["error"]?.stringValue == "ApiErrorForbidden: api token lacks scope nezha:inventory:read")
        #expect(try await world.send(.get, "/api/v1/nothing").json["error"]?.stringValue == "404 Not Found")
    }
}
