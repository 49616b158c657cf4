/// Every tool, in the order in which lists show them. To add one, add its file, its two schemas and a line here.
///
/// Input schemas of MCP tools say that there are no other members; what comes of one that is sent all the same says
/// ``ToolDefinition/ignoresUnknownArguments``. Output schemas leave room for members of later versions. Where the seed
/// gives 0 or an empty text the meaning "default", the schema lets it pass.
package func allTools(_ services: ToolServices) -> [any Tool] {
    [
        WhoAmITool(services),
        ServerListTool(services),
        ServerGetTool(services),
        ExecTool(services),
        FsListTool(services),
        FsReadTool(services),
        FsWriteTool(services),
        FsDeleteTool(services),
        FsDownloadURLTool(services),
        FsUploadURLTool(services),
        MetricsTool(services),
        AuditListTool(services),
        ExecManyTool(services),
        FsStatTool(services),

        SessionCreateTool(services),
        SessionRefreshTool(services),
        ProfileGetTool(services),
        ProfileUpdateTool(services),
        TokenListTool(services),
        TokenCreateTool(services),
        TokenDeleteTool(services),
        InventoryListTool(services),
        MetricsHistoryTool(services),
        ServerConfigGetTool(services),
        ServerConfigApplyTool(services),
        ServerForceUpdateTool(services),
        SettingGetTool(services),
        SettingUpdateTool(services),
        TerminalOpenTool(services),
        TerminalAttachTool(services),
        FileManagerOpenTool(services),
        FileManagerAttachTool(services),
    ]
}
