"""The compatibility checklist (mcp.md section 9): every row by its name, and the test that stands for it.

Rows that show from outside are checked here, in the order of the section. `ELSEWHERE` names the file and the test of
every other row; that both exist is checked too.
"""

import json
import re
import sqlite3
import threading
import time
import uuid
from datetime import UTC, datetime

import pytest
import requests
import yaml

from conftest import ALL_SCOPES
from gateway import REPOSITORY, Agent, Gateway, wait_until, test_file
from spec_agent import SpecAgent, frame, reply
from streams import closing_of, open_socket, refused
from test_lifecycle import audit_rows
from test_mcp_sdk import TOOLS

ROWS = """
    TestMCP_RejectsMissingToken TestMCP_Initialize_ReturnsServerInfo TestMCP_ToolsList_IncludesRegisteredTools
    TestMCP_Whoami_HappyPath TestMCP_ScopeDenied TestServerExec_ScopeMissing
    TestMCP_PermissionDenied_WhenWrongUserOwnsServer TestMCP_ServerWhitelist_DenyOutsideList TestMCP_UnknownTool
    TestMCP_InvalidJSONEnvelope TestMCP_AuditRowIsWritten TestE2E_AuditRowsAreWritten TestMCP_RateLimit
    TestUpdateConfig_PersistsEnableMCPFlag TestMCPEndpoint_{RefusesWhenDisabled,AllowsWhenEnabled}
    TestMCPEndpoint_{BodyIsCappedByMaxBytesReader,AcceptsSmallBody} TestMCP_GetReturnsMethodNotAllowed
    TestMCP_DeleteReturnsMethodNotAllowed TestMCPToolCall_unmarshalableSuccessResultReturnsExplicitToolError

    TestSDKClient_{InitializeHandshake,ToolsList,Whoami,ServerExec,FSLifecycle,BadPAT}
    TestE2E_{Initialize,ToolsList,WhoamiAndServerList,ServerExec,FsLifecycle} TestE2E_DownloadUploadURL
    TestE2E_DownloadUploadURL_100MiB

    TestMCP_DisallowsCrossOriginRequest TestMCP_AllowsRequestWithoutOriginHeader TestMCP_AllowsSameHostOrigin
    TestMCP_PublicDeployment_AllowsPublicSameOrigin TestMCP_LoopbackDeployment_RejectsPublicHost

    TestMCPRateLimiter_{DefaultsAreDoubledFromInitialBaseline,baselinePreservesAnonymousBypassAndBucketReset}
    TestMCPRateLimiter_{allowsTenAndRejectsElevenWithinOneSecond,allows120AndRejects121WithinOneMinute}
    TestMCPRateLimiter_{allowsOneAfterSecondBucketRollover,minuteBucketRolloverRestoresBudget}
    TestMCPRateLimiter_{independentTokensKeepIndependentBudgets,concurrentCallsAtSecondBoundaryAllowExactlyLimit}
    TestMCPRateLimiter_{samplesClockWhileHoldingStateLock,clockControlledCallsDoNotMutateSharedLimiter}
    TestLinearizationClock… TestMCPRateLimiter_{PrunesStaleTokenWindows,KeepsActiveTokenWindows}
    TestMCPUnknownToolCountsAgainstRateLimit TestMCPMalformedToolsCallParams… TestMCPMalformedEnvelope…
    TestAgentcompatMCPRateLimitProbe_*

    TestServerList_{FiltersByPermission,ServerWhitelistFurtherFiltering,OnlineOnlyFilter}
    TestServerGet_RequiresServerID TestMCPFs_{List,Read,Write,Delete,DownloadURL,UploadURL}_ForeignServerRejected
    TestMCPFs_PATServerWhitelistFiltersFs
    TestServerExec_{RejectsOutOfRangeTimeoutSeconds,RejectsZeroLikeNegativeTimeoutBoundary}
    TestServerExec_{AgentReportedErrorBecomesToolError,ErrorResult_PreservesStructuredContent}
    TestScopeDenied_OmitsStructuredContent TestClassifyToolError_MCPDisabledMapsToForbidden
    TestMCPMinAgentVersionIsPinnedToRelease
    TestRequireAgentSupportsMCP{RejectsBelowMinVersion,AcceptsCurrentVersion,RejectsLastReleaseWithoutMCP}
    TestRequireAgentSupportsMCP{DefersWhenAgentNeverReported,AcceptsBarePrefixReport}
    TestCompareSemverIgnoresVPrefixMismatch

    TestRevalidateTransferEntry_BlocksWhenMCPDisabled TestPurgeTransferEntries_DropsMintedTokens
    TestRevokeStreamsForPurpose_OnlyTouchesMatchingPurpose TestCancelAllMCPInflight_UnblocksCallAgent
    TestUpdateConfig_DisablingMCPInvokesKillSwitch
    TestApplyEnableMCPTransition_{SaveFailureRollsBackAndSkipsCleanup,DisableSuccessRunsCleanup}
    TestApplyEnableMCPTransition_EnableSuccessSkipsCleanup
    TestSettingForm_{Omitted…,ExplicitEnableMCPTrueDecodes,ExplicitEnableMCPFalseDecodes}
    TestUpdateMCPEnableFromForm_{NilKeepsCurrent,NonNilOverrides} TestSetMCPEnabledUsesAtomicAsSourceOfTruth
    TestSaveSyncsEnableMCPFieldFromAtomic
    TestCallAgent_{RejectsNonMCPType,OfflineWhenNoStream,HappyPath…,Timeout,LateResultIsDropped,UnsuccessfulIsError}
    TestCallAgent_{RefusesWhenKillSwitchObserved,KillSwitchHookDefaultsToDisarmed}
    TestCallAgent_{KillSwitchBeatsRegistrationAfterSweep,KillSwitchBeatsConcurrentLateResult}
    TestCallAgent_ResultBeforeKillSwitchReturnsSuccess
    TestCancelAllMCPInflight_{LaterResultIsSwallowed,ConcurrentSweepsDoNotDoubleClose}
    TestDeliverMCPResult_{RejectsForeignReporter,AcceptsMatchingReporter,InflightEntryBoundToServerID}
    TestDeliverMCPResultFromReporterForTest_* TestMCPReceiptGate_*
    TestCallAgent_{EmitsOneTask…,SendFailureEmits…,LateDuplicate…,CancelledResult…}

    TestConsumeTransferToken_{RejectsTamperedSignature,ValidSignatureRoundTrips}
    TestTransferConsume_{RevokedTokenIsRejected,NarrowedServerWhitelistIsRejected,ServerOwnershipChangeIsRejected}
    TestTransferDownload_{ReturnsRawBinaryBytes,MissingFinalOKFrameMustFail,NonOKNonErrFinalMagicMustFail}
    TestTransferDownload_{SurfacesAgentError,MidStreamErrorDoesNotCorruptBody}
    TestTransferDownload_DataFrameBeginningWithErrMagicIsNotMisclassified
    TestTransferUpload_{PreservesArbitraryBinary,RejectsOversizedBody,AcceptsSHA256Query,SHA256MismatchReturns502}
    TestMintFsUploadURL_PropagatesModeCreateDirsAndIfMatchToAgent
    TestValidateDownloadFinal_{RejectsTruncatedNZTO,RejectsSizeMismatch,RejectsHashMismatch}
    TestValidateDownloadFinal_{AcceptsMatchingSizeAndHash,AllowsAllZeroHashAsExplicitSkip,RejectsWrongMagic}
    TestValidateDownloadFinal_OnlyConsiders32HashBytes
    TestReadXferFixedHeader_{RejectsOversizedUploadSize,RejectsOverflowingUploadSize,AcceptsLegalUploadSize}
    TestReadXferFixedHeader_RejectsOversizedDownloadSize
    TestRelayDownloadFrames_{RejectsZeroLengthDataFrames,SingleZeroLengthFrameRejected}
    TestRelayDownloadFrames_DoesNotBufferEntirePayloadInMemory
    TestTransfer{Download,Upload}_AuditsTokenExpired
    TestTransfer{Download,Upload}_AuditsRevalidateFailureWhenMCPDisabled
    TestTransferAnonAuditThrottle_{FirstRequestPasses,BurstCappedPerWindow,IndependentPerIP,WindowResets}
    TestGCExpiredTransferEntries_RemovesOnlyExpired TestValidateTransferPathRejectsOversizedPath
    TestOpenFsTransferStreamRefusesWhenMCPDisabled TestOpenFsTransferStream_CancelClosesAttachedStream
    TestCreateStream{ExactUserBoundary,ExactServerBoundary,ExemptsInternalStreamsFromPerUserCap}
    TestCreateStream{InternalStreamsStillCountTowardPerServerCap,ReleasesUserAndServerSlots,…}
    TestWaitForAgent_RevokeWakesUpWaiter

    TestCreateAPIToken_{MemberCanCreateExplicitScope,MemberCannotIssueWildcard,AdminCanIssueWildcard}
    TestCreateAPIToken_{ResourceWildcardStillRejectsAdminOnly,RejectsUnknownScope,RejectsUnknownResourceWildcard}
    TestCreateAPIToken_{RejectsEmptyScopes,RejectsTooManyServerIDs,RejectsExpirationOutOfRange,NameTooLongRejected}
    TestCreateAPIToken_{EmptyNameRejected,AcceptsResourceWildcardScopes,Member/Admin…ServerID}
    TestCreateAPIToken_Rewrites/RejectsLegacy* TestNormalizeIncomingScope_* TestMigrateLegacyMCPScopes_…
    TestDeleteAPIToken_{OnlyOwnerOrAdmin,AdminCanDeleteAny} TestListAPITokens_ReturnsOnlyOwn
    TestAPITokenAuthMW_{Expired,OwnerDeleted,Revoked,EmptyNZPBody,Oversized,NonASCII,SQLInjection}…
    TestAPITokenAuthMW_{NonNZPBearer,LowercaseBearer}PassesThrough
    TestAPITokenAuthMW_{TrailingWhitespaceTolerated,HappyPathSetsUserContext}
    TestAPIToken_{DuplicateHashViolatesUniqueIndex,BeforeCreate_*,ToView_OmitsTokenHash} TestHashAPIToken_*
    TestAPIToken_{HasScope_*,CanAccessServer_*,SetServerIDs_RoundTrip,ServerIDs_SkipsGarbage,IsExpired}
    TestAllScopes_DoesNotExposeLegacyMCPScopes TestHasScope_{Legacy*,NezhaWildcardStillWorks}
    TestHasScope_NezhaResourceWildcardStillWorks TestPATConnectionRegistry_* TestRegisterAfterRevokeCancelsImmediately
    TestRevokeRegisterNoSurvivor TestRESTScope_* TestREST_* TestOptionalAuth_* TestRestScope*
    TestScopeDocMatchesCanonicalRoutes TestCanonicalRoutesCoverScopeDoc TestStreamAttachAllowedForRequest_*
    TestPatHasServerWhitelist_* TestFallbackToFrontend_APITokensRouteReturns200
"""


def spelt_out(text: str) -> list[str]:
    """Names with every `{a,b}` taken apart."""
    names = []
    for name in text.split():
        found = re.search(r"\{([^}]*)\}", name)
        if found:
            names += spelt_out(" ".join(name.replace(found.group(), part, 1) for part in found.group(1).split(",")))
        else:
            names.append(name)
    return names


# Where the other rows are tested: file below Tests → part of a title → rows.

ELSEWHERE = {
    "EndToEnd/test_mcp_sdk.py": {
        "test_the_official_client_connects_and_lists_ten_tools": "TestSDKClient_{InitializeHandshake,ToolsList}",
        "test_the_eight_tools_work_on_a_real_agent": "TestSDKClient_{Whoami,ServerExec,FSLifecycle}",
        "test_a_bad_token_fails_to_connect": "TestSDKClient_BadPAT",
    },
    "EndToEnd/test_agent_contract.py": {
        "test_results_count_only_from_the_server_that_was_asked": """
            TestDeliverMCPResult_{RejectsForeignReporter,AcceptsMatchingReporter,InflightEntryBoundToServerID}
            TestDeliverMCPResultFromReporterForTest_*""",
        "test_an_io_stream_carries_a_download": "TestTransferDownload_ReturnsRawBinaryBytes",
        "test_somebody_elses_stream_cannot_be_attached": "TestTransferDownload_SurfacesAgentError",
    },
    "EndToEnd/test_lifecycle.py": {
        "test_the_kill_switch_ends_calls_and_urls": """
            TestClassifyToolError_MCPDisabledMapsToForbidden TestCancelAllMCPInflight_UnblocksCallAgent
            TestRevalidateTransferEntry_BlocksWhenMCPDisabled""",
        "test_revoking_a_token_from_the_command_line_ends_its_call": "TestPATConnectionRegistry_*",
    },
    "EndToEnd/test_transfers.py": {
        "test_content_arrives_as_it_is": """
            TestE2E_DownloadUploadURL TestTransferUpload_PreservesArbitraryBinary
            TestConsumeTransferToken_ValidSignatureRoundTrips""",
        "test_exactly_100_mib_pass_both_ways": "TestE2E_DownloadUploadURL_100MiB",
        "test_a_url_that_was_tampered_with_is_worth_nothing": "TestConsumeTransferToken_RejectsTamperedSignature",
        "test_urls_without_rights_are_worth_nothing": """
            TestTransferConsume_{RevokedTokenIsRejected,NarrowedServerWhitelistIsRejected}
            TestTransferConsume_ServerOwnershipChangeIsRejected""",
        "test_one_byte_more_is_refused_both_ways": "TestTransferUpload_RejectsOversizedBody",
        "test_a_right_digest_is_accepted_in_any_case": "TestTransferUpload_AcceptsSHA256Query",
        "test_a_wrong_digest_leaves_the_old_file": "TestTransferUpload_SHA256MismatchReturns502",
        "test_mode_and_folders_reach_the_file": "TestMintFsUploadURL_PropagatesModeCreateDirsAndIfMatchToAgent",
        "test_lost_rights_end_running_transfers_at_once": """
            TestUpdateConfig_DisablingMCPInvokesKillSwitch TestOpenFsTransferStream_CancelClosesAttachedStream""",
        "test_guesses_do_not_fill_the_audit_log": "TestTransferAnonAuditThrottle_BurstCappedPerWindow",
    },
    "MCPServerTests/RegistryPipelineTests.swift": {
        "a result that is no JSON is an explicit tool error": """
            TestMCPToolCall_unmarshalableSuccessResultReturnsExplicitToolError""",
    },
    "MCPServerTests/RegistryLiveTests.swift": {
        "with the switch off no call from MCP begins": """
            TestCallAgent_{RefusesWhenKillSwitchObserved,KillSwitchHookDefaultsToDisarmed}""",
        "turning enable_mcp off ends a running call as mcp_disabled": """
            TestCallAgent_{KillSwitchBeatsConcurrentLateResult,ResultBeforeKillSwitchReturnsSuccess}
            TestCancelAllMCPInflight_{LaterResultIsSwallowed,ConcurrentSweepsDoNotDoubleClose}""",
        "a call that begins under rights of yesterday is checked again before it runs": """
            TestCallAgent_KillSwitchBeatsRegistrationAfterSweep TestRegisterAfterRevokeCancelsImmediately
            TestRevokeRegisterNoSurvivor""",
    },
    "MCPServerTests/Transport/RateLimiterTests.swift": {
        "ten calls in a second pass, the eleventh is refused": """
            TestMCPRateLimiter_{DefaultsAreDoubledFromInitialBaseline,allowsTenAndRejectsElevenWithinOneSecond}
            TestAgentcompatMCPRateLimitProbe_*""",
        "120 calls in a minute pass, the 121st waits": """
            TestMCPRateLimiter_{allows120AndRejects121WithinOneMinute,minuteBucketRolloverRestoresBudget}""",
        "the second's window rolls at exactly one second": "TestMCPRateLimiter_allowsOneAfterSecondBucketRollover",
        "tokens have budgets of their own, and id 0 has no limit": """
            TestMCPRateLimiter_{baselinePreservesAnonymousBypassAndBucketReset,independentTokensKeepIndependentBudgets}""",
        "of many calls at the same moment exactly the limit passes": """
            TestMCPRateLimiter_{concurrentCallsAtSecondBoundaryAllowExactlyLimit,samplesClockWhileHoldingStateLock}
            TestMCPRateLimiter_clockControlledCallsDoNotMutateSharedLimiter TestLinearizationClock…""",
        "windows of tokens that stay away are dropped, live ones are kept": """
            TestMCPRateLimiter_{PrunesStaleTokenWindows,KeepsActiveTokenWindows}""",
    },
    "MCPServerTests/ToolsSettingTests.swift": {
        "turning MCP off drops all transfer URLs; when it cannot be saved nothing happens at all": """
            TestPurgeTransferEntries_DropsMintedTokens
            TestApplyEnableMCPTransition_{SaveFailureRollsBackAndSkipsCleanup,DisableSuccessRunsCleanup}""",
    },
    "GatewayServerTests/Configuration/YAMLSettingsStoreTests.swift": {
        "a change is in force and on disk": "TestSaveSyncsEnableMCPFieldFromAtomic",
        "when it cannot be saved, the former settings are in force again": "TestSetMCPEnabledUsesAtomicAsSourceOfTruth",
    },
    "AgentLinkTests/Sessions/TaskCallTests.swift": {
        "a call gets the reply to its own task": "TestCallAgent_{HappyPath…,EmitsOneTask…} TestMCPReceiptGate_*",
        "without a task stream a server is offline": "TestCallAgent_OfflineWhenNoStream",
        "one that comes after the deadline is dropped": "TestCallAgent_{Timeout,LateResultIsDropped}",
        "a foreign, unknown, mistyped, late or second result changes nothing": "TestCallAgent_LateDuplicate…",
        "no call goes to a dead stream while an agent reconnects": "TestCallAgent_SendFailureEmits…",
        "a cancelled call ends at once": "TestCallAgent_CancelledResult…",
    },
    "AgentLinkTests/Wire/TaskTypeTests.swift": {
        "only the closed list can be sent": "TestCallAgent_RejectsNonMCPType",
    },
    "AgentLinkTests/Sessions/IOStreamTests.swift": {
        "unbounded streams: 20 for a user, 40 for a server": """
            TestCreateStream{ExactUserBoundary,ExactServerBoundary,…}""",
        "unbounded streams: transfers count against the server only": """
            TestCreateStream{ExemptsInternalStreamsFromPerUserCap,InternalStreamsStillCountTowardPerServerCap}""",
        "unbounded streams: the slot comes back on every way out of opening": """
            TestCreateStreamReleasesUserAndServerSlots""",
        "a deleted or disconnected server wakes readers, writers and openers": "TestWaitForAgent_RevokeWakesUpWaiter",
    },
    "MCPServerTests/ToolsServerTests.swift": {
        "an unsuccessful reply and one that is no JSON": "TestCallAgent_UnsuccessfulIsError",
    },
    "MCPServerTests/TransferDownloadRelayTests.swift": {
        "an early end is refused, with and without a final frame": "TestTransferDownload_MissingFinalOKFrameMustFail",
        "without a sound final frame there is no success": """
            TestTransferDownload_NonOKNonErrFinalMagicMustFail
            TestValidateDownloadFinal_{RejectsTruncatedNZTO,RejectsSizeMismatch,RejectsHashMismatch,RejectsWrongMagic}
            TestValidateDownloadFinal_OnlyConsiders32HashBytes""",
        "a file in chunks comes whole": "TestValidateDownloadFinal_AcceptsMatchingSizeAndHash",
        "a hash of zeros says that the agent made none": "TestValidateDownloadFinal_AllowsAllZeroHashAsExplicitSkip",
        "an error never becomes part of the file": "TestTransferDownload_MidStreamErrorDoesNotCorruptBody",
        "a payload that begins like an error frame is data": """
            TestTransferDownload_DataFrameBeginningWithErrMagicIsNotMisclassified""",
        "a declared size above 100 MiB is refused, also one that would be negative": """
            TestReadXferFixedHeader_RejectsOversizedDownloadSize""",
        "a chunk that is empty, shorter or longer than it says is refused": """
            TestRelayDownloadFrames_{RejectsZeroLengthDataFrames,SingleZeroLengthFrameRejected}""",
    },
    "MCPServerTests/TransferUploadRelayTests.swift": {
        "ready, body, receipt": "TestReadXferFixedHeader_AcceptsLegalUploadSize",
        "the agent must be ready for exactly the announced size": """
            TestReadXferFixedHeader_{RejectsOversizedUploadSize,RejectsOverflowingUploadSize}""",
    },
    "MCPServerTests/TransferDownloadTests.swift": {
        "100 MiB pass byte for byte through a few MiB of memory": """
            TestRelayDownloadFrames_DoesNotBufferEntirePayloadInMemory""",
    },
    "MCPServerTests/TransferRightsTests.swift": {
        "while MCP is off no URL works": "TestOpenFsTransferStreamRefusesWhenMCPDisabled",
        "whatever was lost since the URL was made is seen at its use": """
            TestTransfer{Download,Upload}_AuditsRevalidateFailureWhenMCPDisabled""",
    },
    "MCPServerTests/TransferAuditTests.swift": {
        "expired and misdirected URLs leave a row of the one who made them": """
            TestTransfer{Download,Upload}_AuditsTokenExpired""",
        "guesses leave five rows an address and minute": """
            TestTransferAnonAuditThrottle_{FirstRequestPasses,IndependentPerIP}""",
        "the minute of an address begins with its first row and then starts anew": """
            TestTransferAnonAuditThrottle_WindowResets""",
    },
    "MCPServerTests/TransferURLsTests.swift": {
        "a sweep removes what has expired and nothing else": "TestGCExpiredTransferEntries_RemovesOnlyExpired",
    },
    "MCPServerTests/IdentityTokenIssuerTests.swift": {
        "at start, old scopes are rewritten, dangerous ones stripped": "TestMigrateLegacyMCPScopes_…",
        "only its keyed hash is stored": "TestAPIToken_BeforeCreate_* TestHashAPIToken_*",
        "every issuable scope can be issued, and there are 43": "TestAllScopes_DoesNotExposeLegacyMCPScopes",
        "scopes and servers keep their order, each once": """
            TestNormalizeIncomingScope_* TestAPIToken_SetServerIDs_RoundTrip""",
    },
    "MCPServerTests/IdentityCacheTests.swift": {
        "a principal is nothing any more when its token or session has expired": "TestAPIToken_IsExpired",
    },
    "StorageTests/APITokenRepositoryTests.swift": {
        "a known hash is a duplicate; an empty hash and an unknown owner are refused": """
            TestAPIToken_DuplicateHashViolatesUniqueIndex""",
    },
    "StorageTests/MigrationTests.swift": {
        "lists written by other hands are read tolerantly": "TestAPIToken_ServerIDs_SkipsGarbage",
    },
    "RESTAdapterTests/AuthenticationTests.swift": {
        "a bad token is 401 and never falls back": "TestOptionalAuth_*",
        "a token without the scope, on a log-in's route, or without rights on the server: 403": "TestREST_*",
    },
    "RESTAdapterTests/RouteTableTests.swift": {
        "the classes of the routes are those of the contract": """
            TestScopeDocMatchesCanonicalRoutes TestCanonicalRoutesCoverScopeDoc""",
        "every route refuses guests and tokens without the right": "TestRestScope*",
    },
    "EndToEnd/test_rest.py": {
        "test_a_missing_scope_is_named": "TestRESTScope_*",
    },
}

# The world of the checks


class World:
    """A gateway with an administrator's server (real agent) and a member's (contract agent), and tokens of both."""

    def __init__(self, folder):
        limits = {"mcp_rate_limit_per_second": 10_000, "mcp_rate_limit_per_minute": 600_000}
        self.gateway = Gateway(folder / "gateway", settings=limits).start()
        self.agent = Agent(self.gateway, folder / "agent", self.gateway.agent_secret(), str(uuid.uuid4())).start()
        self.spec_agents = []
        self.jwt = self.gateway.login()
        # There is no way yet to make a second user but this one.
        self.sql(
            "insert into users (username, password_hash, role, agent_secret_hash, agent_secret_sealed, reject_password,"
            " token_version, created_at, updated_at) values ('member', 'x', 1, '', x'', 0, 0, 1, 1)"
        )
        self.gateway.command("user", "set-password", "member", input="member's password\n")
        self.member_jwt = wait_until(self._log_member_in, what="member known")
        self.agent.wait_online(self.jwt)
        self.admin_server = self.agent.server_id
        self.member_server = self.connect(self.answer)
        self.sql("update servers set user_id = (select id from users where username = 'member') where id = ?",
                 self.member_server)  # fmt: skip
        self.admin = self.gateway.token(*ALL_SCOPES, name="admin")
        self.member = self.gateway.token(*ALL_SCOPES, name="member", user="member")
        wait_until(
            lambda: not self.gateway.call(self.member, "server.get", server_id=self.member_server).get("isError"),
            what="the member owns their server",
        )

    def _log_member_in(self):
        answer = self.gateway.api("POST", "/login", json={"username": "member", "password": "member's password"}).json()
        return answer.get("success") and answer["data"]["token"]

    def sql(self, statement: str, *values) -> list:
        with sqlite3.connect(self.gateway.database, timeout=10) as database:
            return database.execute(statement, values).fetchall()

    @staticmethod
    def answer(task):
        if task.type == 15:
            return reply(task, {"exit_code": 0, "stdout": "", "stderr": "", "duration_ms": 1})
        return reply(task, {"entries": []}) if task.type == 16 else None

    def connect(self, answer=None, connect=True, **more) -> int:
        """A contract agent; its server's id."""
        agent = SpecAgent(self.gateway.address, self.gateway.agent_secret(), str(uuid.uuid4()), answer, **more)
        self.spec_agents.append(agent)
        if connect:
            agent.connect()
        else:
            agent.open_tasks()
        return wait_until(lambda: (self.sql("select id from servers where uuid = ?", agent.uuid) or [[None]])[0][0],
                          what="server registered")  # fmt: skip

    def stop(self):
        for agent in self.spec_agents:
            agent.close()
        self.agent.stop()
        assert self.gateway.stop() == 0

    # Short ways to ask

    def call(self, token, tool, **arguments) -> dict:
        return self.gateway.call(token, tool, **arguments)

    def ok(self, token, tool, **arguments) -> dict:
        result = self.call(token, tool, **arguments)
        assert "isError" not in result, result
        assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
        return result["structuredContent"]

    def error(self, token, tool, **arguments) -> str:
        """The text of a tool error, which must come without structured content."""
        result = self.call(token, tool, **arguments)
        assert result["isError"] is True and "structuredContent" not in result and len(result["content"]) == 1
        return result["content"][0]["text"]

    def create(self, jwt, **body) -> dict:
        body = {"name": "made", "scopes": ["nezha:server:read"]} | body
        return self.gateway.api("POST", "/api-tokens", jwt, json=body).json()

    def made(self, jwt, **body) -> dict:
        answer = self.create(jwt, **body)
        assert answer.get("success") is True, answer
        return answer["data"]

    def refused(self, jwt, **body) -> str:
        answer = self.create(jwt, **body)
        assert not answer.get("success") and "data" not in answer, answer
        return answer["error"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("compat"))
    yield world
    world.stop()


CHECKS = {}


def row(names: str):
    """The decorated check stands for these rows."""

    def register(check):
        for name in spelt_out(names):
            assert name not in CHECKS, name
            CHECKS[name] = check
        return check

    return register


@pytest.mark.parametrize("name", [name for name in spelt_out(ROWS)])
def test_row(name, request):
    if name in CHECKS:
        check = CHECKS[name]
        wanted = check.__code__.co_varnames[: check.__code__.co_argcount]
        return check(*[name if argument == "name" else request.getfixturevalue(argument) for argument in wanted])
    for file, titles in ELSEWHERE.items():
        for title, rows in titles.items():
            if name in spelt_out(rows):
                assert title in test_file(file).read_text(), f"no test {title!r} in {file}"
                return None
    raise AssertionError(f"no check for {name}")


def test_every_row_is_in_exactly_one_place():
    elsewhere = [name for titles in ELSEWHERE.values() for rows in titles.values() for name in spelt_out(rows)]
    places = [*CHECKS, *elsewhere]
    rows = spelt_out(ROWS)
    assert len(rows) == len(set(rows))
    assert sorted(places) == sorted(rows)


# Pages


@row("TestFallbackToFrontend_APITokensRouteReturns200")
def page_of_tokens(world):
    answer = requests.get(f"{world.gateway.url}/dashboard/settings/api-tokens", timeout=10)
    assert answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html")


# Endpoint


@row("TestMCP_RejectsMissingToken")
def no_token(world):
    answer = world.gateway.rpc(None, "initialize")
    assert answer.status_code == 401 and answer.json()["error"]["code"] == -32001


@row("TestMCP_Initialize_ReturnsServerInfo TestE2E_Initialize")
def initialize(world):
    result = world.gateway.rpc(world.admin, "initialize").json()["result"]
    assert result["serverInfo"]["name"] == "nezha-mcp" and result["serverInfo"]["version"]
    assert result["protocolVersion"] == "2024-11-05"
    assert "tools" in result["capabilities"]


@row("TestMCP_ToolsList_IncludesRegisteredTools TestE2E_ToolsList")
def tools_list(world):
    reader = world.gateway.token("nezha:server:read")
    for token in (reader, world.admin):
        tools = world.gateway.rpc(token, "tools/list").json()["result"]["tools"]
        assert [tool["name"] for tool in tools] == TOOLS
        assert all(tool["inputSchema"] and tool["outputSchema"] for tool in tools)


@row("TestMCP_Whoami_HappyPath")
def whoami(world):
    seen = world.ok(world.member, "meta.whoami")
    assert seen["user_id"] == world.sql("select id from users where username = 'member'")[0][0]
    assert set(seen["scopes"]) == set(ALL_SCOPES) and seen["is_admin"] is False and "server_ids" not in seen


@row("TestMCP_ScopeDenied TestServerExec_ScopeMissing TestScopeDenied_OmitsStructuredContent")
def scope_denied(world):
    token = world.gateway.token("nezha:inventory:read")
    assert "nezha:server:exec" in world.error(token, "server.exec", server_id=world.admin_server, cmd="true")
    assert "nezha:server:read" in world.error(token, "fs.read", server_id=world.admin_server, path="/etc/hostname")


@row("TestMCP_PermissionDenied_WhenWrongUserOwnsServer")
def wrong_owner(world):
    assert world.error(world.member, "server.get", server_id=world.admin_server) == "permission denied"


@row("TestMCP_ServerWhitelist_DenyOutsideList")
def outside_the_list(world):
    token = world.gateway.token(*ALL_SCOPES, servers=[world.member_server])
    assert world.error(token, "server.get", server_id=world.admin_server) == "permission denied"
    assert world.ok(token, "server.get", server_id=world.member_server)["id"] == world.member_server


@row("TestMCP_UnknownTool")
def unknown_tool(world):
    answer = world.gateway.rpc(world.admin, "tools/call", {"name": "no.such"}).json()
    assert answer["error"] == {"code": -32601, "message": "unknown tool: no.such"} and "result" not in answer


@row("TestMCP_InvalidJSONEnvelope")
def garbage(world):
    answer = requests.post(f"{world.gateway.url}/mcp", data="not json", timeout=10,
                           headers={"Authorization": f"Bearer {world.admin}"})  # fmt: skip
    assert answer.status_code == 200 and answer.json()["error"]["code"] == -32700


@row("TestMCP_AuditRowIsWritten TestE2E_AuditRowsAreWritten")
def audit(world):
    token = world.made(world.jwt, name="audited", scopes=list(ALL_SCOPES))
    world.ok(token["token"], "meta.whoami")
    world.ok(token["token"], "server.get", server_id=world.admin_server)
    rows = lambda tool: [r for r in audit_rows(world.gateway, tool) if r["token_id"] == token["id"]]  # noqa: E731
    wait_until(lambda: len(rows("meta.whoami")) == len(rows("server.get")) == 1, what="one row each")
    assert rows("server.get")[0] | {"outcome": "ok", "server_id": world.admin_server} == rows("server.get")[0]


@pytest.fixture
def limited(make_gateway):
    """A gateway whose tokens have two calls a minute."""
    gateway = make_gateway(settings={"mcp_rate_limit_per_minute": 2})
    return gateway, gateway.token("nezha:server:read")


def assert_exhausted(gateway, token):
    answer = gateway.rpc(token, "tools/call", {"name": "meta.whoami"})
    assert answer.status_code == 200
    result = answer.json()["result"]
    assert result["isError"] is True and "rate limit" in result["content"][0]["text"]
    assert "structuredContent" not in result


@row("TestMCP_RateLimit")
def rate_limit(limited):
    gateway, token = limited
    for _ in range(2):
        assert "isError" not in gateway.call(token, "meta.whoami")
    assert_exhausted(gateway, token)


@row("TestMCPUnknownToolCountsAgainstRateLimit")
def unknown_tools_count(limited):
    gateway, token = limited
    for _ in range(2):
        assert gateway.rpc(token, "tools/call", {"name": "no.such"}).json()["error"]["code"] == -32601
    assert_exhausted(gateway, token)


@row("TestMCPMalformedToolsCallParams…")
def malformed_parameters_count(limited):
    gateway, token = limited
    for params in ("x", {"name": ""}):
        assert gateway.rpc(token, "tools/call", params).json()["error"]["code"] == -32602
    assert_exhausted(gateway, token)


@row("TestMCPMalformedEnvelope…")
def malformed_envelopes_count(limited):
    gateway, token = limited
    for body in ("{", "[]"):
        headers = {"Authorization": f"Bearer {token}"}
        answer = requests.post(f"{gateway.url}/mcp", data=body, headers=headers, timeout=10)
        assert answer.json()["error"]["code"] == -32700
    assert_exhausted(gateway, token)


@row("TestUpdateConfig_PersistsEnableMCPFlag TestMCPEndpoint_{RefusesWhenDisabled,AllowsWhenEnabled}")
def switch(make_gateway):
    gateway = make_gateway(settings={"enable_mcp": False})
    token, jwt = gateway.token("nezha:server:read"), gateway.login()
    refused = gateway.rpc(token, "tools/list").json()
    assert refused["error"]["code"] == -32002 and "result" not in refused
    assert gateway.api("PATCH", "/setting", jwt, json={"enable_mcp": True}).json()["success"] is True
    assert gateway.rpc(token, "tools/list").json()["result"]["tools"]
    assert yaml.safe_load(gateway.config.read_text())["enable_mcp"] is True
    gateway.stop()
    gateway.start()
    assert gateway.rpc(token, "tools/list").json()["result"]["tools"]


@row("TestMCPEndpoint_{BodyIsCappedByMaxBytesReader,AcceptsSmallBody}")
def body_cap(world):
    whoami = {"name": "meta.whoami", "arguments": {}}
    assert world.gateway.rpc(world.admin, "tools/call", whoami).status_code == 200
    # What is not in the schema is ignored, but counts.
    large = {"name": "meta.whoami", "arguments": {"padding": "x" * (8 << 20)}}
    answer = world.gateway.rpc(world.admin, "tools/call", large)
    assert answer.status_code == 413 and answer.json()["error"]["code"] == -32600


@row("TestMCP_GetReturnsMethodNotAllowed TestMCP_DeleteReturnsMethodNotAllowed")
def method_not_allowed(world):
    for method in ("GET", "DELETE"):
        answer = requests.request(method, f"{world.gateway.url}/mcp", timeout=10)
        assert answer.status_code == 405 and answer.headers["Allow"] == "POST"
        assert "<html" not in answer.text.lower() and answer.json()["error"]


# End to end over raw HTTP


@row("TestE2E_WhoamiAndServerList")
def whoami_and_list(world):
    assert world.ok(world.admin, "meta.whoami")["is_admin"] is True
    listed = world.ok(world.admin, "server.list")
    assert listed["count"] == len(listed["servers"]) >= 2


@row("TestE2E_ServerExec")
def execute(world):
    done = world.ok(world.admin, "server.exec", server_id=world.admin_server, cmd="printf", args=["%s", "a b"])
    assert (done["exit_code"], done["stdout"], done["stderr"]) == (0, "a b", "")


@row("TestE2E_FsLifecycle")
def files(world, tmp_path):
    at = {"server_id": world.admin_server, "path": str(tmp_path / "file")}
    assert world.ok(world.admin, "fs.write", **at, content="text")["size"] == 4
    assert world.ok(world.admin, "fs.read", **at)["content"] == "text"
    listed = world.ok(world.admin, "fs.list", server_id=world.admin_server, path=str(tmp_path))
    assert [entry["name"] for entry in listed["entries"]] == ["file"]
    assert world.ok(world.admin, "fs.delete", **at) == {"deleted_count": 1}
    assert "does not exist" in world.error(world.admin, "fs.read", **at)


# Origin


@row("TestMCP_DisallowsCrossOriginRequest")
def cross_origin(world):
    answer = world.gateway.rpc(world.admin, "ping", headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403 and answer.json()["error"] == "ApiErrorForbidden: origin not allowed"


@row("TestMCP_AllowsRequestWithoutOriginHeader")
def no_origin(world):
    assert world.gateway.rpc(world.admin, "ping").status_code == 200


@row("TestMCP_AllowsSameHostOrigin")
def same_origin(world):
    assert world.gateway.rpc(world.admin, "ping", headers={"Origin": world.gateway.url}).status_code == 200


@row("TestMCP_PublicDeployment_AllowsPublicSameOrigin")
def public_origin(make_gateway):
    gateway = make_gateway(settings={"listen_host": ""}, start=False)
    gateway.start()
    gateway.address = f"127.0.0.1:{gateway.address.rsplit(':', 1)[1]}"
    token = gateway.token("nezha:server:read")
    headers = {"Host": "nezha.example", "Origin": "https://nezha.example"}
    assert gateway.rpc(token, "ping", headers=headers).status_code == 200
    assert gateway.rpc(token, "ping", headers=headers | {"Host": "other.example"}).status_code == 403


@row("TestMCP_LoopbackDeployment_RejectsPublicHost")
def rebinding(world):
    headers = {"Host": "nezha.example", "Origin": "https://nezha.example"}
    assert world.gateway.rpc(world.admin, "ping", headers=headers).status_code == 403


# Tools


def ids(listed: dict) -> list:
    assert listed["count"] == len(listed["servers"])
    return [server["id"] for server in listed["servers"]]


@row("TestServerList_FiltersByPermission")
def list_of_the_owner(world):
    assert ids(world.ok(world.member, "server.list")) == [world.member_server]
    assert {world.member_server, world.admin_server} <= set(ids(world.ok(world.admin, "server.list")))


@row("TestServerList_ServerWhitelistFurtherFiltering")
def list_of_the_token(world):
    both = world.gateway.token("nezha:inventory:read", servers=[world.member_server])
    assert ids(world.ok(both, "server.list")) == [world.member_server]
    # Their own list does not give members what is not theirs.
    foreign = world.gateway.token("nezha:inventory:read", servers=[world.member_server], user="member")
    world.sql("update api_tokens set servers_csv = ? where id = ?", str(world.admin_server),
              world.ok(foreign, "meta.whoami")["token_id"])  # fmt: skip
    wait_until(lambda: ids(world.ok(foreign, "server.list")) == [], what="no server at all")


@row("TestServerList_OnlineOnlyFilter")
def online_only(world):
    gone = world.connect()
    assert gone in ids(world.ok(world.admin, "server.list", online_only=True))
    world.spec_agents.pop().close()
    wait_until(lambda: gone not in ids(world.ok(world.admin, "server.list", online_only=True)), what="offline")
    assert gone in ids(world.ok(world.admin, "server.list"))


@row("TestServerGet_RequiresServerID")
def server_id_required(world):
    for arguments in ({}, {"server_id": 0}):
        assert "server_id required" in world.error(world.admin, "server.get", **arguments)


FS_CALLS = {
    "List": ("fs.list", {}),
    "Read": ("fs.read", {}),
    "Write": ("fs.write", {"content": "x"}),
    "Delete": ("fs.delete", {}),
    "DownloadURL": ("fs.download_url", {}),
    "UploadURL": ("fs.upload_url", {}),
}


@row("TestMCPFs_{List,Read,Write,Delete,DownloadURL,UploadURL}_ForeignServerRejected")
def foreign_server(name, world):
    tool, more = FS_CALLS[name.split("_")[1]]
    assert world.error(world.member, tool, server_id=world.admin_server, path="/x", **more) == "permission denied"


@row("TestMCPFs_PATServerWhitelistFiltersFs")
def whitelist_of_files(world):
    token = world.gateway.token(*ALL_SCOPES, servers=[world.member_server])
    for tool, more in FS_CALLS.values():
        assert world.error(token, tool, server_id=world.admin_server, path="/x", **more) == "permission denied"
    assert world.ok(token, "fs.list", server_id=world.member_server, path="/x")["entries"] == []


@row("TestServerExec_{RejectsOutOfRangeTimeoutSeconds,RejectsZeroLikeNegativeTimeoutBoundary}")
def timeout_range(world):
    at = {"server_id": world.admin_server, "cmd": "true"}
    for seconds in (1_000_000, 301, -1):
        assert "timeout_seconds" in world.error(world.admin, "server.exec", **at, timeout_seconds=seconds)
    for seconds in (0, 1, 300):
        assert world.ok(world.admin, "server.exec", **at, timeout_seconds=seconds)["exit_code"] == 0


@row("TestServerExec_{AgentReportedErrorBecomesToolError,ErrorResult_PreservesStructuredContent}")
def agent_error(world):
    name = f"no-such-program-{uuid.uuid4()}"
    result = world.call(world.admin, "server.exec", server_id=world.admin_server, cmd=name)
    assert result["isError"] is True and "executable file not found" in result["content"][0]["text"]
    assert {"exit_code", "stdout", "stderr", "duration_ms"} <= set(result["structuredContent"])
    assert "executable file not found" in result["structuredContent"]["error"]
    wait_until(lambda: any(r["outcome"] == "agent_error" for r in audit_rows(world.gateway, "server.exec")), what="row")


def upgrade_needed(world, version: str) -> bool:
    result = world.call(world.admin, "server.exec", server_id=world.connect(world.answer, version=version), cmd="x")
    text = result["content"][0]["text"]
    assert "please upgrade the agent" in text or not result.get("isError"), text
    return bool(result.get("isError"))


# Rows → versions that are too old, versions that are good.
VERSIONS = {
    "TestMCPMinAgentVersionIsPinnedToRelease": (["v2.0.99"], ["v2.1.0"]),
    "TestRequireAgentSupportsMCPRejectsBelowMinVersion": (["v1.9.0", "garbage"], []),
    "TestRequireAgentSupportsMCPAcceptsCurrentVersion": ([], ["v2.1.0", "v2.10.0", "v3.0.0", "v2.1.0-rc.1"]),
    "TestRequireAgentSupportsMCPRejectsLastReleaseWithoutMCP": (["v2.0.4"], []),
    "TestRequireAgentSupportsMCPAcceptsBarePrefixReport": ([], ["2.1.0", "2.1.0+build"]),
    "TestCompareSemverIgnoresVPrefixMismatch": (["v2.0.4", "2.0.4"], ["v2.1.1", "2.1.1"]),
}


@row(" ".join(VERSIONS))
def version_gate(name, world):
    old, good = VERSIONS[name]
    assert [upgrade_needed(world, version) for version in old + good] == [True] * len(old) + [False] * len(good)


@row("TestRequireAgentSupportsMCPDefersWhenAgentNeverReported")
def never_reported(world):
    server = world.connect(world.answer, connect=False)
    wait_until(
        lambda: not world.call(world.admin, "server.exec", server_id=server, cmd="x").get("isError"), what="an answer"
    )


# Switch and settings


@row("TestSettingForm_{Omitted…,ExplicitEnableMCPTrueDecodes,ExplicitEnableMCPFalseDecodes}"
     " TestUpdateMCPEnableFromForm_{NilKeepsCurrent,NonNilOverrides}")  # fmt: skip
def three_states(make_gateway):
    gateway = make_gateway()
    jwt = gateway.login()
    form = {k: v for k, v in gateway.api("GET", "/setting", jwt).json()["data"]["config"].items() if k != "enable_mcp"}

    def after(change):
        assert gateway.api("PATCH", "/setting", jwt, json=form | change).json()["success"] is True
        return gateway.api("GET", "/setting", jwt).json()["data"]["config"].get("enable_mcp", False)

    assert [after(c) for c in ({}, {"enable_mcp": False}, {}, {"enable_mcp": True}, {})] == [
        True, False, False, True, True,
    ]  # fmt: skip


@row("TestApplyEnableMCPTransition_EnableSuccessSkipsCleanup")
def enabling_keeps_urls(world):
    made = world.ok(world.admin, "fs.download_url", server_id=world.admin_server, path="/etc/hostname")
    answer = world.gateway.api("PATCH", "/setting", world.jwt, json={"enable_mcp": True}).json()
    assert answer["success"] is True
    assert requests.get(made["url"], timeout=20).status_code == 200


@row("TestValidateTransferPathRejectsOversizedPath")
def long_path(world):
    for tool in ("fs.download_url", "fs.upload_url"):
        assert "path too long" in world.error(world.admin, tool, server_id=world.admin_server, path="/" + "x" * 4096)
        assert "path too long" in world.error(world.admin, tool, server_id=world.admin_server, path="/" + "ä" * 2048)
        assert world.ok(world.admin, tool, server_id=world.admin_server, path="/" + "x" * 4095)["url"]


# Tokens


@row("TestCreateAPIToken_MemberCanCreateExplicitScope TestAPIToken_ToView_OmitsTokenHash")
def member_creates(world):
    made = world.made(world.member_jwt, scopes=["nezha:server:read"])
    assert re.fullmatch(r"nzp_[0-9A-Za-z]{32}", made["token"])
    owner, digest = world.sql("select user_id, token_hash from api_tokens where id = ?", made["id"])[0]
    assert owner == world.ok(made["token"], "meta.whoami")["user_id"]
    assert re.fullmatch(r"[0-9a-f]{64}", digest)
    listed = world.gateway.api("GET", "/api-tokens", world.member_jwt)
    assert made["token"] not in listed.text and digest not in listed.text
    assert made["id"] in [token["id"] for token in listed.json()["data"]]


@row("TestCreateAPIToken_{MemberCannotIssueWildcard,AdminCanIssueWildcard,ResourceWildcardStillRejectsAdminOnly}")
def wildcards(world):
    for scope in ("nezha:*", "nezha:admin:*"):
        assert world.refused(world.member_jwt, scopes=[scope]) == f"only admin can issue scope: {scope}"
        assert world.made(world.jwt, scopes=[scope])["scopes"] == [scope]


@row("TestCreateAPIToken_AcceptsResourceWildcardScopes")
def resource_wildcards(world):
    for resource in ("inventory", "server", "service", "alertrule", "cron", "ddns", "nat", "notification",
                     "notification-group", "transfer"):  # fmt: skip
        assert world.made(world.member_jwt, scopes=[f"nezha:{resource}:*"])["scopes"] == [f"nezha:{resource}:*"]


@row("TestCreateAPIToken_{RejectsUnknownScope,RejectsUnknownResourceWildcard,RejectsEmptyScopes}")
def unknown_scopes(world):
    for scope in ("nezha:server:fly", "nezha:moon:*", "nezha:admin:read", "*", "server:read"):
        assert world.refused(world.jwt, scopes=[scope]) == f"unknown scope: {scope}"
    assert world.refused(world.jwt, scopes=[])
    assert world.refused(world.jwt, scopes=[" "]) == "at least one scope required"


@row("TestCreateAPIToken_{RejectsTooManyServerIDs,RejectsExpirationOutOfRange,NameTooLongRejected,EmptyNameRejected}")
def input_limits(world):
    assert world.refused(world.jwt, server_ids=[1] * 1001) == "too many server_ids (max 1000)"
    assert world.refused(world.jwt, expires_in_days=-1) == "expires_in_days must be >= 0"
    assert "expires_in_days too large" in world.refused(world.jwt, expires_in_days=3651)
    expiry = datetime.fromisoformat(world.made(world.jwt, expires_in_days=3650)["expires_at"])
    assert 3649 <= (expiry - datetime.now(UTC)).days <= 3650
    assert world.refused(world.jwt, name="x" * 129)
    assert world.refused(world.jwt, name="") and world.refused(world.jwt, name="  ") == "name required"


@row("TestCreateAPIToken_Member/Admin…ServerID")
def server_ids(world):
    assert world.refused(world.member_jwt, server_ids=[world.admin_server]) == "permission denied on server"
    for jwt in (world.member_jwt, world.jwt):
        assert world.refused(jwt, server_ids=[4711]) == "server not found"
        assert world.refused(jwt, server_ids=[0]) == "server_id 0 is invalid"
        assert world.made(jwt, server_ids=[world.member_server])["server_ids"] == [world.member_server]


@row("TestCreateAPIToken_Rewrites/RejectsLegacy*")
def legacy_scopes(world):
    for old, new in (("mcp:server:read", "nezha:server:read"), ("mcp:fs:read", "nezha:server:read"),
                     ("mcp:server:exec", "nezha:server:exec")):  # fmt: skip
        assert world.made(world.jwt, scopes=[old])["scopes"] == [new]
    for old in ("mcp:fs:write", "mcp:fs:delete", "mcp:*", "mcp:new"):
        assert world.refused(world.jwt, scopes=[old]) == f"unknown scope: {old}"


@row("TestDeleteAPIToken_{OnlyOwnerOrAdmin,AdminCanDeleteAny} TestListAPITokens_ReturnsOnlyOwn")
def ownership(world):
    def delete(jwt, number):
        return world.gateway.api("DELETE", f"/api-tokens/{number}", jwt).json()

    def listed(jwt):
        return [token["id"] for token in world.gateway.api("GET", "/api-tokens", jwt).json().get("data", [])]

    admins, members = world.made(world.jwt)["id"], world.made(world.member_jwt)["id"]
    assert admins in listed(world.jwt) and members not in listed(world.jwt)
    assert members in listed(world.member_jwt) and admins not in listed(world.member_jwt)
    assert listed(world.jwt) == sorted(listed(world.jwt), reverse=True)
    assert delete(world.member_jwt, admins)["error"] == "not found"
    assert delete(world.jwt, members)["success"] is True and members not in listed(world.member_jwt)
    assert delete(world.jwt, members)["error"] == "not found"


def refused_everywhere(world, header: str, text: str) -> None:
    for method, path in (("POST", "/mcp"), ("GET", "/api/v1/server")):
        answer = requests.request(method, world.gateway.url + path, headers={"Authorization": header.encode()},
                                  json={"jsonrpc": "2.0", "id": 1, "method": "ping"}, timeout=10)  # fmt: skip
        assert (answer.status_code, answer.json()["error"]) == (401, f"ApiErrorUnauthorized: {text}"), path
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@row("TestAPITokenAuthMW_Expired…")
def expired(world):
    made = world.made(world.jwt, expires_in_days=1)
    world.sql("update api_tokens set expires_at = 1 where id = ?", made["id"])
    time.sleep(0.5)
    refused_everywhere(world, f"Bearer {made['token']}", "api token expired")


@row("TestAPITokenAuthMW_OwnerDeleted…")
def owner_deleted(world):
    world.sql(
        "insert into users (username, password_hash, role, agent_secret_hash, agent_secret_sealed, reject_password,"
        " token_version, created_at, updated_at) values ('leaver', 'x', 1, '', x'', 0, 0, 1, 1)"
    )
    token = world.gateway.token("nezha:inventory:read", user="leaver")
    # The gateway must have noticed the user whom another process made.
    wait_until(lambda: world.gateway.rpc(token, "ping").status_code == 200, what="token of the new user works")
    # As the sqlite3 shell does it, which does not follow references; a deletion by the gateway takes the token along.
    world.sql("delete from users where username = 'leaver'")
    wait_until(lambda: world.gateway.rpc(token, "ping").status_code == 401, what="the gateway has noticed")
    refused_everywhere(world, f"Bearer {token}", "owner of api token not found")


@row("TestAPITokenAuthMW_Revoked…")
def revoked(world):
    made = world.made(world.jwt)
    assert world.ok(made["token"], "meta.whoami")["token_id"] == made["id"]
    assert world.gateway.api("DELETE", f"/api-tokens/{made['id']}", world.jwt).json()["success"] is True
    refused_everywhere(world, f"Bearer {made['token']}", "invalid api token")


@row("TestAPITokenAuthMW_{EmptyNZPBody,Oversized,NonASCII,SQLInjection}…")
def odd_tokens(name, world):
    token = {
        "EmptyNZPBody": "nzp_",
        "Oversized": "nzp_" + "a" * 8192,
        "NonASCII": "nzp_" + "ü" * 32,
        "SQLInjection": "nzp_' OR '1'='1' --",
    }[name.split("_")[1].rstrip("…")]
    refused_everywhere(world, f"Bearer {token}", "invalid api token")


@row("TestAPITokenAuthMW_{NonNZPBearer,LowercaseBearer}PassesThrough")
def other_schemes(world):
    for header in ("Bearer abc", f"bearer {world.admin}", f"Basic {world.admin}"):
        answer = world.gateway.rpc(None, "ping", headers={"Authorization": header})
        assert answer.status_code == 401 and answer.json()["error"]["code"] == -32001
    # On REST the log-in's chain takes over.
    answer = world.gateway.api("GET", "/server", headers={"Authorization": f"Bearer {world.jwt}"}).json()
    assert answer["success"] is True


@row("TestAPITokenAuthMW_{TrailingWhitespaceTolerated,HappyPathSetsUserContext}")
def whitespace(world):
    for header in (f"Bearer {world.member}", f"Bearer  {world.member}", f" Bearer {world.member} \t"):
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "meta.whoami"}}
        request = requests.Request("POST", f"{world.gateway.url}/mcp", json=message).prepare()
        # The library trims such values itself unless they are put in behind its back.
        request.headers["Authorization"] = header
        with requests.Session() as session:
            answer = session.send(request, timeout=10)
        assert answer.json()["result"]["structuredContent"]["username"] == "member", header


@row("TestAPIToken_{HasScope_*,CanAccessServer_*}"
     " TestHasScope_{NezhaWildcardStillWorks,NezhaResourceWildcardStillWorks,Legacy*}")  # fmt: skip
def matching(world):
    """mcp.md 8.3: what a scope covers, seen through tools and routes."""
    covers = {
        "nezha:*": (True, True), "nezha:server:*": (True, False), "nezha:server:read": (True, False),
        "nezha:inventory:*": (False, True), "nezha:inventory:read": (False, True), "nezha:server:write": (False, False),
        "nezha:notification:*": (False, False), "nezha:admin:*": (False, False),
    }  # fmt: skip
    for scope, expected in covers.items():
        token = world.gateway.token(scope)
        reads = "isError" not in world.call(token, "server.get", server_id=world.admin_server)
        lists = "isError" not in world.call(token, "server.list")
        assert (reads, lists) == expected, scope
        assert (world.gateway.api("GET", "/server", token).status_code == 200) == lists, scope
    # What an older program has left in the database grants nothing.
    legacy = world.made(world.jwt)
    world.sql("update api_tokens set scopes_csv = 'mcp:*,mcp:server:read' where id = ?", legacy["id"])
    time.sleep(0.5)
    world.error(legacy["token"], "server.get", server_id=world.admin_server)
    assert world.gateway.api("GET", "/server", legacy["token"]).status_code == 403


# Streams of people


def terminal(world, bearer, server=None) -> dict:
    body = {"server_id": server or world.admin_server, "protocol": "ssh"}
    return world.gateway.api("POST", "/terminal", bearer, json=body).json()


@row("TestStreamAttachAllowedForRequest_*")
def attaching(world):
    """The creator's credential, or an administrator's log-in; for a token the server must be on its list too."""
    inside = world.gateway.token("nezha:server:exec", servers=[world.admin_server])
    outside = world.gateway.token("nezha:server:exec", servers=[world.member_server])
    session = terminal(world, inside)["data"]["session_id"]
    refused(lambda: open_socket(world.gateway, "terminal", session, outside), 403)
    refused(lambda: open_socket(world.gateway, "terminal", session, world.member_jwt))
    refused(lambda: open_socket(world.gateway, "terminal", "does-not-exist", world.jwt))
    open_socket(world.gateway, "terminal", session, inside).close()
    session = terminal(world, world.member_jwt, world.member_server)["data"]["session_id"]
    open_socket(world.gateway, "terminal", session, world.jwt).close()


@row("TestPatHasServerWhitelist_*")
def whitelist(world):
    """No token and a token without a list are not limited; a list limits."""
    unlimited = world.gateway.token("nezha:server:exec")
    for bearer in (world.jwt, unlimited):
        session = terminal(world, bearer)["data"]["session_id"]
        open_socket(world.gateway, "terminal", session, bearer).close()
    limited = world.gateway.token("nezha:server:exec", servers=[world.member_server])
    assert terminal(world, limited) == {"success": False, "error": "permission denied"}


@row("TestRevokeStreamsForPurpose_OnlyTouchesMatchingPurpose")
def kill_switch_and_streams(world):
    """Turning MCP off ends its transfers, and no terminal."""
    known = world.spec_agents[0]
    # The server is not the secret's owner's any more; the global secret speaks for all.
    secret = yaml.safe_load(world.gateway.config.read_text())["agent_secret_key"]
    agent = SpecAgent(world.gateway.address, secret, known.uuid)
    session = terminal(world, world.member_jwt, world.member_server)["data"]["session_id"]
    shell = agent.attach(session)
    url = world.ok(world.member, "fs.download_url", server_id=world.member_server, path="/file")["url"]
    answers = []
    downloading = threading.Thread(target=lambda: answers.append(requests.get(url, timeout=30)))
    with open_socket(world.gateway, "terminal", session, world.member_jwt) as client:
        downloading.start()
        task = wait_until(lambda: next((task for task in known.tasks if task.type == 20), None), what="transfer task")
        transfer = agent.attach(json.loads(task.data)["stream_id"])
        transfer.send(frame("NZTD", 1 << 20, bytes(32)))
        assert world.gateway.api("PATCH", "/setting", world.jwt, json={"enable_mcp": False}).json()["success"]
        try:
            downloading.join(20)
            assert not downloading.is_alive() and answers[0].status_code >= 400
            shell.send(b"still here")
            assert client.recv(timeout=20) == b"still here"
        finally:
            assert world.gateway.api("PATCH", "/setting", world.jwt, json={"enable_mcp": True}).json()["success"]
        shell.close()
        assert closing_of(client)[0] == 1000
    agent.close()
